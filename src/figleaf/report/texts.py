"""What reports say, in every language: one place, so that no page is half translated."""

from collections.abc import Mapping
from types import MappingProxyType

from figleaf.labels import Language
from figleaf.report.explorer_texts import EXPLORER
from figleaf.report.gallery_texts import GALLERY
from figleaf.report.run_table_texts import TABLES
from figleaf.report.run_texts import RUN

LANGUAGES: tuple[Language, ...] = ("en", "ko")


def _table(**texts: tuple[str, str]) -> Mapping[str, Mapping[Language, str]]:
    return MappingProxyType(
        {key: dict(zip(LANGUAGES, both, strict=True)) for key, both in texts.items()}
    )


TEXTS = _table(
    # Columns.
    images=("images", "이미지"),
    share=("share", "비율"),
    size=("size", "용량"),
    label=("class", "클래스"),
    median=("median size", "크기 중앙값"),
    aside=("set aside", "격리"),
    source=("source", "출처"),
    listing=("list", "목록"),
    named=("named", "항목"),
    kept=("kept", "보존"),
    pending=("pending", "대기"),
    lost=("lost", "손실"),
    format=("format", "형식"),
    shorter=("shorter side", "짧은 변"),
    shape=("width / height", "너비 / 높이"),
    resolution=("resolution", "해상도"),
    sizes_of=("file sizes of", "파일 크기"),
    smallest=("smallest", "최소"),
    p5=("5%", "5%"),
    p25=("25%", "25%"),
    p50=("median", "중앙값"),
    p75=("75%", "75%"),
    p95=("95%", "95%"),
    largest=("largest", "최대"),
    cause=("lost as", "손실 원인"),
    state=("state", "상태"),
    meaning=("meaning", "뜻"),
    reason=("set aside as", "격리 사유"),
    by_class=("by class", "클래스별"),
    doubt=("to be looked at", "확인할 것"),
    doubter=("found", "판단 방법"),
    who=("labels by", "레이블 주체"),
    events=("events", "기록"),
    duplicates=("duplicates", "중복"),
    best=("near duplicates of", "유사 중복의 대표 파일"),
    distance=("distance to the best file", "대표 파일과의 거리"),
    problem=("became no item", "항목이 되지 못한 것"),
    count=("count", "개수"),
    command=("last run of", "마지막 실행"),
    version=("version", "버전"),
    started=("started (UTC)", "시작(UTC)"),
    outcome=("outcome", "결과"),
    # Cells.
    no_class=("no class", "클래스 없음"),
    no_class_why=("no class: {reason}", "클래스 없음: {reason}"),
    in_all=("in all", "합계"),
    more_classes=("{count} more classes", "그 밖의 클래스 {count}개"),
    more_lists=("{count} more lists", "그 밖의 목록 {count}개"),
    unfinished=("not finished", "끝나지 않음"),
    bits=("{low} to {high} bits", "{low}~{high}비트"),
    exact=("identical files: images", "동일 파일: 이미지"),
    extra=("identical files: items beyond the first", "동일 파일: 두 번째부터의 항목"),
    clusters=("near duplicates: clusters", "유사 중복: 묶음"),
    clustered=("near duplicates: images in them", "유사 중복: 묶음에 든 이미지"),
    conflicts=("without a class: lists disagree", "클래스 없음: 목록끼리 어긋남"),
    # Titles of tables and sections.
    classes_section=("Classes", "클래스"),
    classes_title=("Images in use, by class", "클래스별 사용 중인 이미지"),
    losses_title=("What was lost, by cause", "원인별 손실"),
    lists_title=("Sources and lists", "출처와 목록"),
    problems_title=("What became no item", "항목이 되지 못한 것"),
    aside_title=("Set aside, by reason", "사유별 격리"),
    formats_title=("Formats", "파일 형식"),
    sides_title=("Shorter side, in pixels", "짧은 변(픽셀)"),
    shapes_title=("Shape: width / height", "모양: 너비 / 높이"),
    resolutions_title=("Most frequent resolutions", "가장 흔한 해상도"),
    sizes_title=("File sizes", "파일 크기"),
    percentiles_title=("File sizes, percentiles", "파일 크기 백분위"),
    duplicates_section=("Duplicates", "중복"),
    duplicates_title=("Identical and similar pictures", "같거나 비슷한 그림"),
    clusters_title=("Largest clusters of near duplicates", "가장 큰 유사 중복 묶음"),
    distances_title=("Distance to the best file", "대표 파일과의 거리"),
    doubts_title=("Waiting for a person", "사람의 확인을 기다리는 것"),
    labels_title=("Labels, by who gave them", "레이블을 붙인 주체"),
    runs_title=("Last run of each command", "명령별 마지막 실행"),
    origin_section=("Origin and losses", "출처와 손실"),
    measures_section=("Resolutions, formats, sizes", "해상도, 형식, 용량"),
    aside_section=("Set aside, and in doubt", "격리와 확인 대기"),
    labels_section=("Labels and runs", "레이블과 실행"),
    samples_section=("Samples", "샘플"),
    # Notes beneath tables.
    lists_note=(
        "An item that stands in several lists counts in each.",
        "여러 목록에 있는 항목은 목록마다 셉니다.",
    ),
    percentiles_note=(
        "Of the files in use; each figure is the size of some file.",
        "사용 중인 파일 기준이며, 각 값은 실제로 있는 파일의 크기입니다.",
    ),
    distances_note=(
        "In bits of the 256 of a PDQ hash; 31 or less is a match.",
        "PDQ 해시 256비트 가운데 다른 비트 수입니다. 31 이하이면 같은 그림으로 봅니다.",
    ),
    # The page.
    page_title=("{name}: statistics of a data set", "{name}: 데이터셋 통계"),
    kind_of_page=("Statistics of a data set", "데이터셋 통계"),
    made=("figleaf {version}, {time} UTC", "figleaf {version}, {time} UTC"),
    ledger=("The ledger's rows", "장부의 행 수"),
    plot_alt=(
        "Bar chart: {title}. The table has its figures.",
        "막대그래프: {title}. 수치는 표에 있습니다.",
    ),
    empty=("There is no image in this data set yet.", "아직 이 데이터셋에는 이미지가 없습니다."),
    samples_in_use=("In use: {name}", "사용 중: {name}"),
    samples_aside=("Set aside: {name}", "격리: {name}"),
    samples_what=(
        "Each picture here is destroyed: at most {cells} cells on its longer side are left of it."
        " They tell a blank, a placeholder that comes again and again, or a drawing on white at a"
        " glance, and nothing of what is in a picture. The same data set gives the same samples.",
        "여기 있는 그림은 모두 알아볼 수 없게 뭉갠 것으로, 긴 변에 최대 {cells}칸만 남겼습니다."
        " 빈 그림, 되풀이되는 자리 표시 그림, 흰 바탕의 그림은 한눈에 구별되지만 무엇이"
        " 그려졌는지는 보이지 않습니다. 같은 데이터셋에서는 늘 같은 샘플이 나옵니다.",
    ),
    samples_how=(
        "A click on one shows the file on this computer in its place, a second click hides it, and"
        " Escape hides all. Nothing of it is in this page, and nothing is loaded before.",
        "누르면 그 자리에 이 컴퓨터에 있는 파일을 보여 주고, 다시 누르면 숨깁니다. Esc 키는"
        " 모두 숨깁니다. 원본은 이 페이지에 들어 있지 않으며, 누르기 전에는 아무것도 불러오지"
        " 않습니다.",
    ),
    samples_care=(
        "Let only adults look who agreed to it, at small and grey pictures, for a limited time."
        " If something looks like sexual abuse of a child: stop at once, copy nothing, report it;"
        " docs/data-safety.md says where. Do not publish this page: it names lists and files.",
        "동의한 성인만, 작은 흑백 그림으로, 정해진 시간 동안만 보게 하십시오. 아동 성착취물로"
        " 의심되는 것을 보면 바로 멈추고, 복사하지 말고 신고하십시오. 방법은"
        " docs/data-safety.md에 있습니다. 목록과 파일의 이름이 들어 있으니 이 페이지를 공개하지"
        " 마십시오.",
    ),
    samples_grey=("Show revealed pictures in grey", "원본을 흑백으로 표시"),
    samples_hidden=(
        "{shown} of {all} images are shown here, destroyed; {hidden} are not shown.",
        "이미지 {all}장 가운데 {shown}장을 뭉갠 모습으로 실었고, {hidden}장은 싣지 않았습니다.",
    ),
    samples_never=(
        "What is set aside for safety ({reasons}: {count}) is never shown or linked.",
        "안전을 위해 격리한 것({reasons}: {count})은 뭉갠 모습으로도 싣지 않고, 연결하지도"
        " 않습니다.",
    ),
    samples_none=("No samples were asked for.", "샘플을 요청하지 않았습니다."),
    samples_script=(
        "Revealing needs JavaScript; everything else works without.",
        "원본을 보려면 JavaScript가 필요합니다. 나머지는 없어도 됩니다.",
    ),
    reveal=("Reveal: {name}", "보기: {name}"),
    mosaic_alt=("destroyed thumbnail", "뭉갠 섬네일"),
    original_alt=("the file on this computer", "이 컴퓨터의 파일"),
    failed=(
        "The file cannot be shown: moved, removed or damaged.",
        "파일을 보여 줄 수 없습니다. 옮겨졌거나 지워졌거나 손상되었습니다.",
    ),
    undecodable=("Not decoded: {status}", "디코딩할 수 없음: {status}"),
    offline=(
        "This page is one file. It loads nothing from a network, and its own policy forbids it to.",
        "이 페이지는 파일 하나로 되어 있습니다. 네트워크에서 아무것도 불러오지 않으며, 페이지의"
        " 보안 정책이 이를 금지합니다.",
    ),
    # Key figures.
    key_images=("images in use", "사용 중인 이미지"),
    key_size=("of files", "파일 용량"),
    key_classes=("classes", "클래스"),
    key_named=("named", "항목"),
    key_lost=("lost", "손실"),
    key_pending=("pending", "대기"),
    key_aside=("set aside", "격리"),
    key_doubts=("to be looked at", "확인 대기"),
    # Parts of the split.
    train=("train", "학습"),
    validation=("validation", "검증"),
    test=("test", "테스트"),
    unsplit=("in no part", "분할되지 않음"),
    # Pictures that nobody has labelled.
    pictures_title=("{name}: what models say of pictures", "{name}: 모델이 본 그림"),
    pictures_kind=("Pictures, and what models say of them", "그림과 모델의 판단"),
    pictures_models=("Models", "모델"),
    pictures_section=("Pictures", "그림"),
    pictures_files=("files", "파일"),
    pictures_failed=("could not be read", "읽지 못한 파일"),
    pictures_what=(
        "Each picture here is destroyed: at most {cells} cells on its longer side are left of it."
        " Beside it stand the most probable classes of each model.",
        "여기 있는 그림은 모두 알아볼 수 없게 뭉갠 것으로, 긴 변에 최대 {cells}칸만 남겼습니다."
        " 옆에는 모델마다 확률이 가장 높은 클래스가 있습니다.",
    ),
    pictures_care=(
        "Let only adults look who agreed to it, at small and grey pictures, for a limited time."
        " If something looks like sexual abuse of a child: stop at once, copy nothing, report it;"
        " docs/data-safety.md says where. Do not publish this page: it names folders and files.",
        "동의한 성인만, 작은 흑백 그림으로, 정해진 시간 동안만 보게 하십시오. 아동 성착취물로"
        " 의심되는 것을 보면 바로 멈추고, 복사하지 말고 신고하십시오. 방법은"
        " docs/data-safety.md에 있습니다. 폴더와 파일의 이름이 들어 있으니 이 페이지를 공개하지"
        " 마십시오.",
    ),
    pictures_left_out=(
        "{count} more pictures have no room on this page; --json has all.",
        "그림 {count}장은 이 페이지에 싣지 않았습니다. 모두 보려면 --json을 쓰십시오.",
    ),
    pictures_fair=(
        "Nobody has said what these pictures are: nothing here says how often a model is right.",
        "이 그림들에는 정답이 없습니다. 여기 있는 어떤 수치도 모델이 얼마나 자주 맞는지 말해 주지"
        " 않습니다.",
    ),
    sheet_heading=("{folder}: {count} files", "{folder}: 파일 {count}개"),
    sheet_place=(
        "Page {page} of {pages}. The most probable classes of each picture, by each model.",
        "{pages}쪽 가운데 {page}쪽. 그림마다 각 모델의 확률이 가장 높은 클래스입니다.",
    ),
    # Evaluation.
    figure=("figure", "지표"),
    model=("model", "모델"),
    weights=("weights", "가중치 해시"),
    precision_of=("precision", "연산 정밀도"),
    policy=("policy", "정책"),
    data=("data", "데이터"),
    data_hash=("data hash", "데이터 해시"),
    split_seed=("split seed", "분할 시드"),
    evaluated=("images evaluated", "평가한 이미지"),
    accuracy=("accuracy", "정확도"),
    macro_precision=("precision, mean", "정밀도 평균"),
    macro_recall=("recall, mean", "재현율 평균"),
    macro_f1=("F1, mean", "F1 평균"),
    macro_auc=("ROC AUC, mean", "ROC AUC 평균"),
    log_loss=("log-loss", "로그 손실"),
    top_k=("accuracy of the top {k}", "상위 {k}개 정확도"),
    calibration_error=("calibration error (ECE)", "보정 오차(ECE)"),
    unsafe_auc=("unsafe: ROC AUC", "유해: ROC AUC"),
    unsafe_average_precision=("unsafe: average precision", "유해: 평균 정밀도(AP)"),
    unsafe_recall=("unsafe: recall from {threshold}", "유해: {threshold}부터의 재현율"),
    unsafe_fpr=("unsafe: false alarms from {threshold}", "유해: {threshold}부터의 오탐률"),
    precision=("precision", "정밀도"),
    recall=("recall", "재현율"),
    f1=("F1", "F1 점수"),
    average_precision=("AP", "평균 정밀도(AP)"),
    auc=("ROC AUC", "ROC 곡선 면적"),
    support=("images", "이미지"),
    truly=("true class", "실제 클래스"),
    safe=("safe", "안전"),
    unsafe=("unsafe", "유해"),
    called_safe=("called safe", "안전으로 예측"),
    called_unsafe=("called unsafe", "유해로 예측"),
    aim=("threshold for", "임곗값의 기준"),
    aim_threshold=("as given", "지정한 값"),
    aim_review=("policy: review", "정책: 검토"),
    aim_block=("policy: block", "정책: 차단"),
    aim_false_positive_rate=("false alarms of {target}", "오탐률 {target}"),
    aim_recall=("recall of {target}", "재현율 {target}"),
    threshold=("threshold", "임곗값"),
    flags_nothing=("none", "없음"),
    false_alarms=("false alarms", "오탐률"),
    expected_caught=("caught", "탐지"),
    expected_missed=("missed", "놓침"),
    expected_alarms=("alarms", "오탐"),
    thresholds_note=(
        "The last four columns are of 10,000 images, of which {unsafe} are unsafe.",
        "마지막 네 열은 이미지 1만 장 가운데 유해한 것이 {unsafe}장일 때의 값입니다.",
    ),
    decided=("policy {policy}", "정책 {policy}"),
    allow=("allow", "허용"),
    review=("review", "검토"),
    block=("block", "차단"),
    slice_of=("slice by", "구분 기준"),
    slice_name=("slice", "구분"),
    slice_note=("note", "비고"),
    slice_source=("source", "출처"),
    slice_size=("megapixels", "메가픽셀"),
    slice_format=("format", "형식"),
    slice_part=("part", "분할"),
    slice_other=("others", "그 밖의 것"),
    slice_small=("too few", "너무 적음"),
    safety_accuracy=("safe or unsafe right", "안전/유해 정확도"),
    change=("change", "변형"),
    change_accuracy=("accuracy (before)", "정확도(변형 전)"),
    same_class=("same class", "같은 클래스"),
    to_unsafe=("safe to unsafe", "안전에서 유해로"),
    to_safe=("unsafe to safe", "유해에서 안전으로"),
    shift=("shift", "유해 점수 변화"),
    jpeg_90=("JPEG 90", "JPEG 품질 90"),
    jpeg_50=("JPEG 50", "JPEG 품질 50"),
    jpeg_20=("JPEG 20", "JPEG 품질 20"),
    half=("half the size", "절반 크기"),
    quarter=("a quarter of the size", "4분의 1 크기"),
    double=("twice the size", "두 배 크기"),
    white_border_10=("white border, 10%", "흰 테두리 10%"),
    black_border_10=("black border, 10%", "검은 테두리 10%"),
    white_border_25=("white border, 25%", "흰 테두리 25%"),
    black_border_25=("black border, 25%", "검은 테두리 25%"),
    grey=("grey", "흑백"),
    blur=("blur", "흐림"),
    mirror=("mirror image", "좌우 반전"),
    summary_title=("Models", "모델"),
    origins_title=("Where the figures come from", "수치의 출처"),
    by_class_title=("By class", "클래스별"),
    matrix_title=("Confusion matrix", "혼동 행렬"),
    matrix_shares_title=(
        "Confusion matrix, shares of the true class",
        "혼동 행렬(실제 클래스 비율)",
    ),
    thresholds_title=("Thresholds on the unsafe score", "유해 점수의 임곗값"),
    decisions_title=("What the policy decides", "정책의 결정"),
    slices_title=("Slices", "구분별"),
    robustness_title=("Changed pictures", "변형한 그림"),
    intervals_note=(
        "In brackets: {level} intervals, of {repeats} draws of whole groups of near duplicates.",
        "괄호 안은 {level} 신뢰구간으로, 유사 중복 묶음 단위로 {repeats}번 다시 뽑아 구했습니다.",
    ),
    confidence=("confidence", "신뢰도"),
    calibration_title=("Calibration", "보정 곡선"),
    roc_title=("ROC", "ROC 곡선"),
    pr_title=("Precision against recall", "정밀도와 재현율"),
    fpr_axis=("false-positive rate", "오탐률(FPR)"),
    tpr_axis=("true-positive rate", "재현율(TPR)"),
    predicted_axis=("predicted class", "예측 클래스"),
    images_axis=("share of images", "이미지 비율"),
    ideal=("ideal", "이상적"),
    unsafe_score=("unsafe score", "유해 점수"),
    unsafe_share=("share that is unsafe", "실제 유해 비율"),
    no_curve=("images of both kinds are needed", "두 종류의 이미지가 모두 있어야 합니다"),
    # A whole run.
    **RUN,
    **TABLES,
    **EXPLORER,
    # The gallery of what was classified.
    **GALLERY,
)  # fmt: skip  # one line for each language reads best


class Words:
    """The texts of one language.

    ::

        words = Words("ko")
        words("more_lists", count="12")

    Args:
        language: "en" or "ko".
    """

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: str) -> str:
        """A text, with values put in; a KeyError for one that there is not."""
        return TEXTS[key][self.language].format(**values)
