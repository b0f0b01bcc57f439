"""What the gallery of `figleaf classify --report` says, English and Korean; `texts` takes it in."""

GALLERY: dict[str, tuple[str, str]] = {
    "gallery_title": ("figleaf: verdicts on {count} inputs", "figleaf: 입력 {count}개의 판정"),
    "gallery_kind": ("What figleaf says of pictures", "그림에 대한 figleaf의 판정"),
    "gallery_heading": ("{count} inputs", "입력 {count}개"),
    "gallery_one": ("1 input", "입력 1개"),
    "gallery_allow": ("allow", "허용(allow)"),
    "gallery_review": ("review", "검토(review)"),
    "gallery_block": ("block", "차단(block)"),
    "gallery_failed": ("failed", "실패"),
    "gallery_none": ("no decision", "결정 없음"),
    "gallery_how": ("How it was judged", "판정 조건"),
    "gallery_model": ("model", "모델"),
    "gallery_policy": ("policy", "정책"),
    "gallery_precision": ("precision", "정밀도"),
    "gallery_pictures": ("Pictures", "그림"),
    "gallery_what": (
        "Each picture here is destroyed: at most {cells} cells on its longer side are left of it,"
        " of a film those of its first frame.",
        "여기 있는 그림은 모두 알아볼 수 없게 뭉갠 것으로, 긴 변에 최대 {cells}칸만 남겼습니다."
        " 동영상은 첫 프레임입니다.",
    ),
    "gallery_fair": (
        "A score is what the model says, a decision what the policy makes of it; neither is what"
        " the picture is.",
        "점수는 모델의 출력이고 결정은 정책을 적용한 결과입니다. 그림이 실제로 무엇인지 말해 주지는"
        " 않습니다.",
    ),
    "gallery_decision": ("decision", "결정"),
    "gallery_label": ("class", "클래스"),
    "gallery_name": ("name has", "이름에 포함"),
    "gallery_sort": ("order", "순서"),
    "gallery_all": ("all", "전체"),
    "gallery_as_given": ("as they came", "입력 순서"),
    "gallery_by_unsafe": ("most unsafe first", "유해 점수 높은 순"),
    "gallery_by_name": ("by name", "이름순"),
    "gallery_back": ("Back", "이전"),
    "gallery_on": ("Next", "다음"),
    "gallery_range": ("{first} to {last} of {count}", "{count}개 중 {first}~{last}"),
    "gallery_nothing": ("Nothing is like that.", "해당하는 것이 없습니다."),
    "gallery_unsafe": ("unsafe", "유해"),
    "gallery_timeline": (
        "Unsafe scores of {count} frames over {seconds} s; the highest {unsafe} at {at} s.",
        "프레임 {count}개, {seconds}초 동안의 유해 점수. 최고 {unsafe}({at}초).",
    ),
    "gallery_no_file": ("no file", "파일 아님"),
    "gallery_script": (
        "This page shows its pictures with JavaScript; the results in a file have the same.",
        "이 페이지는 JavaScript로 그림을 보여 줍니다. 결과 파일에도 같은 내용이 있습니다.",
    ),
}
"""Key -> what it says in English and in Korean."""
