"""What a plan shows, and what is decided for each item."""

import datetime
import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from figleaf.dataset.records import Decision, Item, Kind, Reason
from figleaf.sources.vetting.categories import Categories, load_categories
from figleaf.sources.vetting.deny import DenyList, load_deny_list
from figleaf.sources.vetting.plan import LARGEST_HOSTS, Plan, Row, decide, plan

SHARED = os.environ.get("FIGLEAF_SHARED")

# Each name of the second collection: its class, none, or the tier and the term that deny it.
EXPECTED = """
age_college                                    denied 2: college
age_mature                                     none
age_milf                                       none
age_teen                                       denied 1: teen
amateur                                        none
amateur_self-shots                             none
appearance                                     none
appearance_appearance-modification             none
appearance_appearance-modification_piercings   none
appearance_appearance-modification_tattoos     none
appearance_clothing                            none
appearance_clothing_bodyparts-through-clothes  sexy
appearance_clothing_bottomless                 none
appearance_clothing_clothed-naked-pair         none
appearance_clothing_dresses                    none
appearance_clothing_shoes                      none
appearance_clothing_stockings                  sexy
appearance_clothing_swimwear                   sexy
appearance_clothing_tight-clothing             sexy
appearance_clothing_topless                    sexy
appearance_clothing_underwear                  sexy
appearance_clothing_underwear_panties          sexy
appearance_clothing_underwear_thongs           sexy
appearance_clothing_uniforms-outfits           none
appearance_clothing_uniforms-outfits_cosplay   none
appearance_clothing_upskirt-downblouse         denied 2: up skirt
appearance_expressions                         none
appearance_pose                                none
appearance_wet-&-messy                         none
artificial-images                              none
artificial-images_fictional-characters-shows   none
artificial-images_hentai                       hentai
artificial-images_photoshop                    none
body-parts_head_hair                           none
body-parts_head_hair_blonde                    none
body-parts_head_hair_brunette                  none
body-parts_head_hair_dyed                      none
body-parts_head_hair_hairstyle                 none
body-parts_head_hair_redhead                   none
body-parts_head_lips-mouth                     none
body-parts_lower-body                          none
body-parts_lower-body_ass                      none
body-parts_lower-body_ass_large                none
body-parts_lower-body_asshole                  porn
body-parts_lower-body_feet                     none
body-parts_lower-body_gap                      none
body-parts_lower-body_genitalia_penis          porn
body-parts_lower-body_genitalia_penis_large    porn
body-parts_lower-body_genitalia_penis_small    porn
body-parts_lower-body_genitalia_vulva          porn
body-parts_lower-body_genitalia_vulva_hair     porn
body-parts_lower-body_genitalia_vulva_labia    porn
body-parts_lower-body_hips                     none
body-parts_lower-body_legs                     none
body-parts_upper-body                          none
body-parts_upper-body_breasts                  sexy
body-parts_upper-body_breasts_from-an-angle    sexy
body-parts_upper-body_breasts_implants         sexy
body-parts_upper-body_breasts_large            sexy
body-parts_upper-body_breasts_nipples          sexy
body-parts_upper-body_breasts_small            none
body-traits_complexion_freckles                none
body-traits_complexion_light-skin              none
body-traits_complexion_tan                     none
body-traits_traits                             none
body-traits_traits_flexible                    none
body-traits_traits_pregnant                    none
body-traits_types_bbw                          none
body-traits_types_chubby                       none
body-traits_types_curvy                        none
body-traits_types_petite                       denied 2: petite
body-traits_types_skinny-thin                  none
classic-vintage                                none
communities                                    none
communities_identification                     none
communities_personals                          none
communities_role-play                          none
cum-play_cum                                   porn
cum-play_cum_creampie                          porn
cum-play_cum_cum-shot                          porn
cum-play_cum_cum-shot_bukkake                  porn
cum-play_cum_cum-shot_facial                   porn
cum-play_cum_swallowing                        porn
cum-play_female                                porn
ethnicity                                      none
ethnicity_asian                                none
ethnicity_black                                none
ethnicity_euro                                 none
ethnicity_indian                               none
ethnicity_japanese                             none
exhibition                                     none
exhibition_gonewild                            none
exhibition_public                              none
fetish                                         none
fetish_bdsm                                    none
fetish_bdsm_bondage                            none
fetish_bdsm_domination-&-submission            none
fetish_bdsm_domination-&-submission_femdom     none
fetish_drugs                                   none
fetish_role-enactment                          none
fetish_role-enactment_age-play                 denied 2: age play
fetish_role-enactment_furry                    none
fetish_role-enactment_pet-play                 none
fetish_role-enactment_rape-abuse               denied 1: rape
fetish_watersports                             none
general-categories                             none
general-categories_artistic-or-borderline-porn none
general-categories_desktop-wallpaper           none
general-categories_gifs                        none
general-categories_humorous                    none
general-categories_p.o.v.                      none
general-categories_passionate                  none
general-categories_porn-for-women              none
general-categories_videos                      none
groups                                         none
groups_alt                                     none
groups_athlete                                 none
groups_camgirl                                 none
groups_celebrity                               none
groups_country                                 none
groups_nerd                                    none
groups_pornstar                                none
groups_pornstar_pornstar-lookalike             none
groups_religious                               none
groups_specific-personality                    none
illegal-taboo                                  denied 2: taboo
illegal-taboo_bestiality                       denied 1: bestialit
illegal-taboo_incest                           denied 1: incest
illegal-taboo_voyeurism                        denied 2: taboo
lgbt_bisexual                                  none
lgbt_crossdressing                             none
lgbt_gay                                       none
lgbt_lesbian                                   none
lgbt_transgender                               none
lgbt_transsexual                               none
literary                                       none
locations_man-made                             none
locations_nature                               none
locations_nature_beach                         none
non-porn-nsfw                                  none
sex                                            porn
sex_anal                                       porn
sex_anal_gaping                                porn
sex_anal_rimming                               porn
sex_breasts                                    porn
sex_fisting                                    porn
sex_group                                      porn
sex_group_large-group                          porn
sex_group_swinging                             none
sex_group_threesome                            porn
sex_insertion                                  porn
sex_interracial                                porn
sex_masturbation                               porn
sex_oral                                       porn
sex_orgasm                                     none
sex_toys                                       none
specific-actor-actress                         none
specific-company                               none
wtf                                            none
"""
TABLE = dict(line.split(maxsplit=1) for line in EXPECTED.strip().splitlines())


@pytest.fixture(scope="module")
def deny() -> DenyList:
    return load_deny_list()


@pytest.fixture(scope="module")
def categories() -> Categories:
    return load_categories()


def url(
    name: str, category: str | None = None, listing: str = "", label: str | None = None
) -> Item:
    return Item(Kind.URL, name, name, "lists", listing, category, label)


def filed(name: str, label: str | None) -> Item:
    return Item(Kind.FILE, f"/somewhere/teen/{name}", name, "photos", "", None, label)


def mapped(folder: Path, entries: str) -> Categories:
    path = folder / "mine.toml"
    path.write_text("[categories]\n" + entries)
    return load_categories(path)


def lifted(folder: Path, *terms: str) -> DenyList:
    path = folder / "exemption.toml"
    lines = ("format = 1", 'name = "n"', 'reason = "r"', "date = 2025-01-01", f"terms = {[*terms]}")
    path.write_text("\n".join(lines))
    return load_deny_list(path, today=datetime.date(2025, 1, 1))


# All that the second collection has.


def said(row: Row) -> str:
    if row.denied:
        return f"denied {row.denied.tier}: {row.denied.term}"
    return row.label or "none"


def test_the_plan_of_the_second_collection(deny: DenyList, categories: Categories) -> None:
    names = [f"http://host.example/{n}.jpg" for n in range(2)]
    items = (url(name, category, f"{category}/forum") for category in TABLE for name in names)
    found = plan(items, deny, categories)
    assert {row.category: said(row) for row in found.rows} == TABLE
    assert len(TABLE) == 159
    assert (found.items, found.hosts) == (318, 1)
    assert (found.wanted, found.unmapped, found.refused) == (82, 216, 20)


@pytest.mark.skipif(not SHARED, reason="needs FIGLEAF_SHARED")
def test_the_table_has_the_names_of_the_second_collection() -> None:
    rows = (Path(SHARED or "") / "categories.tsv").read_text("utf-8").splitlines()[1:]
    assert TABLE.keys() == {row.partition("\t")[0] for row in rows}


@pytest.mark.parametrize("category", [name for name, said in TABLE.items() if "denied" in said])
def test_no_map_lifts_a_denial(tmp_path: Path, deny: DenyList, category: str) -> None:
    mine = mapped(tmp_path, f'"{category}" = "porn"')
    assert decide(url("http://host.example/1.jpg", category), deny, mine).reason is Reason.DENIED


# Single items.


def test_a_mapped_category_may_be_read(deny: DenyList, categories: Categories) -> None:
    item = url("http://host.example/1.jpg", "sex_anal", "sex_anal/forum")
    assert decide(item, deny, categories) == Decision("porn")


def test_an_ambiguous_category_is_told_from_an_unknown_one(
    deny: DenyList, categories: Categories
) -> None:
    ambiguous = decide(url("http://host.example/1.jpg", "exhibition_public"), deny, categories)
    unknown = decide(url("http://host.example/1.jpg", "cats"), deny, categories)
    neither = decide(url("http://host.example/1.jpg"), deny, categories)
    assert ambiguous == Decision(None, Reason.UNMAPPED, "mixed: nudity and acts, passers-by too")
    assert unknown == Decision(None, Reason.UNMAPPED, "not in the map; say so with --map")
    assert neither.reason is Reason.UNMAPPED
    assert "neither a class nor a category; LABEL=PATH gives" in neither.detail


@pytest.mark.parametrize(
    ("item", "place", "by_name"),
    [
        (url("http://host.example/1.jpg", "sex_teens"), "the category has 'teen'", False),
        (url("http://host.example/1.jpg", "sex", "sex/TeenForum"), "the list's name has", False),
        (url("http://host.example/1.jpg", label="teen"), "the source's class has 'teen'", False),
        (url("http://host.example/h%6ftte%65ns/1.jpg", "sex"), "its name has 'teen'", True),
        (url("http://teens.example/1.jpg", "cats"), "its name has 'teen'", True),
        (filed("dress/teen.jpg", "dress"), "its name has 'teen'", True),
        (Item(Kind.FILE, "/a/1.jpg", "1.jpg", "teens", label="a"), "the source's name has", False),
    ],
)
def test_every_name_is_looked_at(
    deny: DenyList, categories: Categories, item: Item, place: str, by_name: bool
) -> None:
    decision = decide(item, deny, categories)
    assert decision.reason is Reason.DENIED
    assert decision.detail.startswith(place)
    assert decision.detail.endswith("(teenagers, tier 1)")
    assert decision.by_name is by_name


def test_where_a_file_lies_on_this_machine_says_nothing(
    deny: DenyList, categories: Categories
) -> None:
    assert decide(filed("dress/1.jpg", "dress"), deny, categories) == Decision("dress")


def test_tier_one_is_named_wherever_it_is(deny: DenyList, categories: Categories) -> None:
    item = url("http://host.example/1.jpg", "age_college", "age_college/teens")
    assert "'teen'" in decide(item, deny, categories).detail


def test_the_class_that_a_map_gives_is_looked_at_too(tmp_path: Path, deny: DenyList) -> None:
    mine = mapped(tmp_path, 'cats = "schoolgirls"')
    decision = decide(url("http://host.example/1.jpg", "cats"), deny, mine)
    assert decision.reason is Reason.DENIED
    assert decision.detail.startswith("the class has 'school girl'")


def test_the_users_map_comes_before_the_sources_class_and_that_before_the_shipped_map(
    tmp_path: Path, deny: DenyList, categories: Categories
) -> None:
    name = "http://host.example/1.jpg"
    mine = mapped(tmp_path, 'sex = "sexy"\ndress = "clothes"\nshoes = "none"')
    assert decide(url(name, "sex"), deny, mine) == Decision("sexy")
    assert decide(url(name, "sex", label="skirt"), deny, mine) == Decision("sexy")
    assert decide(url(name, label="Dress"), deny, mine) == Decision("clothes")
    assert decide(url(name, "sex_oral", label="skirt"), deny, mine) == Decision("skirt")
    assert decide(url(name, label="shoes"), deny, mine) == (
        Decision(None, Reason.UNMAPPED, "mine.toml says so")
    )
    # What ships says nothing of the classes of a source that has its own.
    assert decide(url(name, label="hentai"), deny, categories) == Decision("hentai")
    assert decide(url(name, label="wtf"), deny, categories) == Decision("wtf")


def test_what_is_lifted_still_needs_a_class(tmp_path: Path, categories: Categories) -> None:
    item = url("http://host.example/1.jpg", "age_college")
    deny = lifted(tmp_path, "college")
    assert decide(item, deny, categories).reason is Reason.UNMAPPED
    assert decide(item, deny, mapped(tmp_path, 'age_college = "sexy"')) == Decision("sexy")


def test_one_list_decided_twice_under_other_rules_is_decided_anew(
    tmp_path: Path, deny: DenyList, categories: Categories
) -> None:
    item = url("http://host.example/1.jpg", "cats", "cats/forum")
    assert decide(item, deny, categories).reason is Reason.UNMAPPED
    assert decide(item, deny, mapped(tmp_path, 'cats = "neutral"')) == Decision("neutral")


# Plans.


def small_plan(deny: DenyList, categories: Categories) -> Plan:
    def items() -> Iterable[Item]:
        for n in range(3):
            yield url(f"http://a{n % 2}.example/{n}.jpg", "sex_anal", "sex_anal/forum")
        yield url("HTTPS://u:p@A0.example:8080/teen.jpg?q=1", "sex_anal", "sex_anal/forum")
        yield url("http://a0.example/5.jpg", "sex_anal", "sex_anal/teenforum")
        yield url("http://[::1]:80/6.jpg", "sex_oral")
        yield url("http://[::1]/6.jpg", "sex_oral")
        yield url("http://b.example", "exhibition_public")
        yield url("http://b.example/?leaked", "exhibition_public")
        yield url("http://b.example/1", "artificial-images_hentai")
        yield from (url(f"http://b.example/{n}", "age_teen") for n in range(9))
        yield filed("dress/1.jpg", "dress")
        yield filed("2.jpg", None)

    return plan(items(), deny, categories)


def test_a_plan_counts_by_source_and_category(deny: DenyList, categories: Categories) -> None:
    rows = {(row.source, row.category): row for row in small_plan(deny, categories).rows}
    anal = rows["lists", "sex_anal"]
    assert (anal.items, anal.hosts, anal.label, anal.denied_items) == (5, 2, "porn", 2)
    assert (anal.wanted, anal.unmapped, anal.refused) == (3, 0, 2)
    assert anal.denied_words == ("teen",)
    assert anal.why == "sexual acts"
    public = rows["lists", "exhibition_public"]
    assert (public.items, public.hosts, public.label, public.denied_items) == (2, 1, None, 1)
    assert (public.wanted, public.unmapped, public.refused) == (0, 1, 1)
    teen = rows["lists", "age_teen"]
    assert teen.denied is not None
    assert (teen.items, teen.hosts, teen.denied_items, teen.denied_words) == (9, 1, 0, ())
    assert (teen.wanted, teen.unmapped, teen.refused) == (0, 0, 9)
    assert teen.why.startswith("'teen': It denotes teenagers")
    assert rows["lists", "sex_oral"].hosts == 1
    dress = rows["photos", "dress"]
    assert (dress.hosts, dress.label, dress.why) == (0, "dress", "the source says so")
    assert rows["photos", ""].label is None


def test_a_plan_is_ordered_by_class_then_unmapped_then_denied(
    deny: DenyList, categories: Categories
) -> None:
    rows = small_plan(deny, categories).rows
    assert [row.category for row in rows] == [
        "artificial-images_hentai",
        "sex_anal",
        "sex_oral",
        "dress",
        "exhibition_public",
        "",
        "age_teen",
    ]


def test_a_plans_totals(deny: DenyList, categories: Categories) -> None:
    found = small_plan(deny, categories)
    assert (found.items, found.hosts) == (21, 4)
    assert (found.wanted, found.unmapped, found.refused) == (7, 2, 12)


def test_a_plan_names_the_largest_hosts(deny: DenyList, categories: Categories) -> None:
    hosts = [f"h{n:02}.example" for n in range(LARGEST_HOSTS + 5)]
    items = [url(f"http://{host}/{n}.jpg", "sex") for host in hosts for n in range(2)]
    items += [url("http://Z.example.:80/1.jpg", "sex_anal"), url("http://z.example/2.jpg", "age")]
    items += [url(f"https://u@z.example:/{n}.jpg", "sex_anal") for n in range(3)]
    items += [filed("dress/1.jpg", "dress")]
    found = plan(items, deny, categories)
    assert found.hosts == len(hosts) + 1
    assert found.largest_hosts[0] == ("z.example", 5)
    assert found.largest_hosts[1:] == tuple((host, 2) for host in hosts[: LARGEST_HOSTS - 1])


@pytest.mark.parametrize(
    "address",
    ["no url", "http://", "http:///a.jpg", "http://:80/a", "http://a b/c", "http://[::1/"],
)
def test_a_url_without_a_host_is_no_host(
    deny: DenyList, categories: Categories, address: str
) -> None:
    found = plan([url(address, "sex_anal")], deny, categories)
    assert (found.items, found.hosts, found.largest_hosts) == (1, 0, ())
    assert found.rows[0].hosts == 0


def test_the_words_of_single_denied_items_are_named_the_most_frequent_first(
    deny: DenyList, categories: Categories
) -> None:
    names = ["teen/1", "rape/1", "rape/2", "1"]
    items = [url(f"http://host.example/{name}.jpg", "sex_anal") for name in names]
    (row,) = plan(items, deny, categories).rows
    assert (row.denied_items, row.denied_words) == (3, ("rape", "teen"))


def test_a_plan_of_nothing(deny: DenyList, categories: Categories) -> None:
    found = plan((), deny, categories)
    assert found.rows == ()
    assert (found.items, found.hosts, found.wanted) == (0, 0, 0)


def test_a_plan_of_a_large_list_takes_seconds(deny: DenyList, categories: Categories) -> None:
    # Alone on a machine it is a fifth of a second; the limit is for busy ones.
    items = (
        url(f"http://i{n % 50}.host.example/{n * 2654435761 % 2**32:x}.jpg", "sex_anal", "a/b")
        for n in range(50_000)
    )
    start = time.process_time()
    assert plan(items, deny, categories).hosts == 50
    assert time.process_time() - start < 5
