"""What the threshold explorer says, English and Korean; `texts` takes it in."""

EXPLORER: dict[str, tuple[str, str]] = {
    "explorer_what": (
        "An image is flagged where its score is at least the threshold. Move it, and see what it"
        " would do on the test part, and in 10,000 images of which the share below is what is"
        " looked for. Left and right move by .001, page up and down by .1.",
        "점수가 임곗값 이상인 이미지를 탐지합니다. 임곗값을 움직이면 테스트 이미지에서, 그리고 탐지"
        " 대상이 아래 비율만큼 섞인 1만 장에서 결과가 어떻게 달라지는지 보여 줍니다. 왼쪽·오른쪽"
        " 화살표는 0.001씩, Page Up·Page Down은 0.1씩 움직입니다.",
    ),
    "explorer_target": ("looked for", "탐지 대상"),
    "explorer_threshold": ("threshold", "임곗값"),
    "explorer_base_rate": ("share of it in your traffic, %", "서비스에서 탐지 대상의 비율(%)"),
    "explorer_go": ("go to", "바로 가기"),
    "explorer_fpr": ("false alarms at most {rate}", "오탐률 {rate} 이하"),
    "explorer_recall": ("recall at least {rate}", "재현율 {rate} 이상"),
    "explorer_rates": ("On the test part", "테스트 이미지에서"),
    "explorer_expected": ("Of 10,000 images", "1만 장 가운데"),
    "explorer_flagged": ("flagged", "탐지함"),
    "explorer_passed": ("not flagged", "탐지 안 함"),
    "explorer_is": ("looked for", "탐지 대상"),
    "explorer_is_not": ("the rest", "나머지"),
    "explorer_precision": ("precision at that share", "위 비율일 때의 정밀도"),
    "explorer_here": ("precision in the test part", "테스트 이미지의 정밀도"),
    "explorer_of": ("{part} of {whole}", "{whole}장 중 {part}장"),
    "explorer_said": (
        "Threshold {threshold}: recall {recall}, false alarms {fpr}; of 10,000 images {caught}"
        " caught, {missed} missed, {alarms} false alarms.",
        "임곗값 {threshold}: 재현율 {recall}, 오탐률 {fpr}. 1만 장 가운데 {caught}장 탐지,"
        " {missed}장 놓침, 오탐 {alarms}장.",
    ),
    "explorer_intervals": (
        "In brackets: {level} intervals (Wilson, 1927), as if no two test images were alike; those"
        " in the tables, of whole groups of near duplicates, are the ones to quote. All are of this"
        " test part: pictures from elsewhere have another recall and other false alarms. Chosen on"
        " these images, a threshold looks a little better than it is.",
        "괄호 안은 테스트 이미지가 서로 독립이라고 본 {level} 신뢰구간입니다(Wilson, 1927). 인용할"
        " 때는 유사 중복을 묶어 구한 표의 구간을 쓰십시오. 이 테스트 이미지에 대한 값이므로 다른"
        " 곳의 그림에서는 재현율과 오탐률이 다릅니다. 같은 이미지로 고른 임곗값은 실제보다 조금"
        " 좋아 보입니다.",
    ),
    "explorer_plot": (
        "Scores of the test images: above the line what is looked for, below it the rest; the"
        " height is the share of each, on a scale of square roots.",
        "테스트 이미지의 점수: 선 위는 탐지 대상, 아래는 나머지입니다. 높이는 각각에서 차지하는"
        " 비율이며 제곱근 눈금입니다.",
    ),
    "explorer_policy": ("As a policy", "정책으로 만들기"),
    "explorer_as": ("from the threshold on", "임곗값 이상이면"),
    "explorer_policy_what": (
        "Save this as a file and give it to --policy. It is the policy of this report with the"
        " threshold put in.",
        "파일로 저장해 --policy에 지정하십시오. 이 보고서의 정책에 위의 임곗값을 넣은 것입니다.",
    ),
    "explorer_copy": ("Copy", "복사"),
    "explorer_copied": ("Copied.", "복사했습니다."),
    "explorer_chosen": ("chosen on these images", "이 이미지들로 고름"),
    "explorer_script": (
        "Moving the threshold needs JavaScript; the table has some of them.",
        "임곗값을 움직이려면 JavaScript가 필요합니다. 아래 표에 몇 가지가 있습니다.",
    ),
    "explorer_table_title": ("Thresholds on each score", "점수별 임곗값"),
    "explorer_table_note": (
        "The last three columns are of 10,000 images, of which {true} are looked for ({share}).",
        "마지막 세 열은 1만 장 가운데 탐지 대상이 {true}장({share})일 때의 값입니다.",
    ),
}
"""Key -> what it says in English and in Korean."""
