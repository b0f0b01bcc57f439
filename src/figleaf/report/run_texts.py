"""What the report of a run says, English and Korean; `texts` takes it in."""

RUN: dict[str, tuple[str, str]] = {
    # The page.
    "run_title": ("{name}: report of a run", "{name}: 실행 보고서"),
    "run_kind": ("Report of a run", "실행 보고서"),
    "run_contents": ("Contents", "차례"),
    "run_note_practice": (
        "Practice set: every picture here was drawn by figleaf, and nothing unsafe is among them."
        " Five kinds of drawn pictures stand in for the five classes, under their names, so that"
        " all parts of a report have something to show. No figure here says how well unsafe"
        " pictures would be found.",
        "연습용 데이터셋: 여기 있는 그림은 모두 figleaf가 그린 것이고, 유해한 것은 하나도 없습니다."
        " 보고서의 모든 부분을 보여 주려고 다섯 가지 그림에 다섯 클래스의 이름을 붙였습니다."
        " 여기 있는 어떤 수치도 유해한 그림을 얼마나 잘 찾는지 말해 주지 않습니다.",
    ),
    "run_note_rehearsal": (
        "Rehearsal: safe pictures of five other kinds stand in for the five classes, under their"
        " names. No figure here says how well unsafe pictures would be found.",
        "예행연습: 안전한 다섯 종류의 그림에 다섯 클래스의 이름을 붙였습니다. 여기 있는 어떤 수치도"
        " 유해한 그림을 얼마나 잘 찾는지 말해 주지 않습니다.",
    ),
    # Sections.
    "run_verdict": ("In short", "요약"),
    "run_explorer": ("Threshold explorer", "임계값 탐색기"),
    "run_quality": ("How right the model is", "모델의 정확도"),
    "run_pictures": ("Pictures, right and wrong", "맞힌 그림과 틀린 그림"),
    "run_labels": ("Labels in doubt", "의심스러운 레이블"),
    "run_data": ("The data set", "데이터셋"),
    "run_trained_how": ("Training", "학습"),
    "run_time": ("Time", "소요 시간"),
    "run_origins": ("Where the figures come from", "수치의 출처"),
    "run_limits": ("What this is not", "이 보고서가 말하지 않는 것"),
    # Where each section's figures come from.
    "run_source": ("Source: {source}", "출처: {source}"),
    "run_source_evaluation": (
        "{images} images of {data} (data hash {data_hash}), model {model} (graph {graph},"
        " {precision}), policy {policy}; figleaf evaluate gives the same.",
        "{data}의 이미지 {images}장(데이터 해시 {data_hash}), 모델 {model}(그래프 {graph},"
        " {precision}), 정책 {policy}. figleaf evaluate로 같은 값을 얻습니다.",
    ),
    "run_source_audit": (
        "{images} images judged by models that had not seen them: features of {backbone},"
        " {precision}, data hash {data_hash}; figleaf audit gives the same.",
        "이미지 {images}장을, 그 이미지를 본 적 없는 모델로 판정했습니다. 특징 벡터 {backbone},"
        " {precision}, 데이터 해시 {data_hash}. figleaf audit로 같은 값을 얻습니다.",
    ),
    "run_source_stats": (
        "the ledger of the data set, read at {time} UTC; figleaf stats gives the same.",
        "데이터셋의 장부, {time} UTC에 읽음. figleaf stats로 같은 값을 얻습니다.",
    ),
    "run_source_training": (
        "training.json in the model's folder, bundle {bundle}, data {data_hash}, split {split}.",
        "모델 폴더의 training.json, 번들 {bundle}, 데이터 {data_hash}, 분할 {split}.",
    ),
    "run_source_time": (
        "run.json in the run's folder: the seconds that each stage took in the run that did it.",
        "실행 폴더의 run.json. 각 단계를 실제로 처리한 실행에서 걸린 시간(초)입니다.",
    ),
    "run_sources": ("Sources: {sources}", "입력: {sources}"),
    # In short.
    "run_key_unsafe_auc": ("unsafe: ROC AUC", "유해: ROC AUC"),
    "run_key_suspects": ("labels likely wrong", "틀린 것으로 보이는 레이블"),
    "run_key_estimated": ("of {images}; {count} estimated", "{images}장 중. 추정 {count}개"),
    "run_key_tested": ("images tested on", "평가한 이미지"),
    "run_findings": ("What stands out", "눈에 띄는 점"),
    "run_next": ("What to do next", "다음에 할 일"),
    "run_next_where": (
        "The commands are for the run's folder, {name}.",
        "아래 명령은 실행 폴더 {name}에서 입력하십시오.",
    ),
    "run_found_weakest": (
        "Weakest class: {label}, recall {recall} of {images} test images.",
        "가장 약한 클래스: {label}. 테스트 이미지 {images}장에서 재현율 {recall}.",
    ),
    "run_found_pair": (
        "Most frequent mistake: {true} taken for {predicted}, {count} of {images} images.",
        "가장 잦은 실수: {true} → {predicted}, 이미지 {images}장 중 {count}장.",
    ),
    "run_found_errors": (
        "Labels that are likely wrong: {listed}; by the audit's estimate {estimated} of {images}"
        " are ({share}). Errors in the test part make the figures above look worse or better than"
        " they are.",
        "레이블 {listed}개가 틀린 것으로 보이며, 점검의 추정으로는 {images}개 중 {estimated}개"
        " ({share})가 틀렸습니다. 테스트 레이블의 오류는 위의 수치를 실제보다 나쁘거나 좋게"
        " 만듭니다.",
    ),
    "run_found_applied": (
        "Images whose label an audit has changed, no person: {count}. figleaf audit --undo takes"
        " that back.",
        "사람이 아니라 점검이 레이블을 바꾼 이미지: {count}장. figleaf audit --undo로 되돌릴 수"
        " 있습니다.",
    ),
    "run_found_spared": (
        "Not relabelled, as training would have had no image of them left: {classes}.",
        "학습할 이미지가 남지 않게 되어 레이블을 바꾸지 않은 클래스: {classes}.",
    ),
    "run_found_settled": (
        "Doubtful labels that were left alone, since a person has given them: {count}.",
        "의심스러운 레이블 {count}개는 사람이 붙인 것이라 그대로 두었습니다.",
    ),
    "run_found_outliers": (
        "Images far from every class, not what their class is about, or rare: {count}.",
        "이미지 {count}장은 어느 클래스와도 멀리 떨어져 있습니다. 클래스와 무관하거나 드문"
        " 그림입니다.",
    ),
    "run_found_overlap": (
        "{one} and {other} are hardly told apart (AUC {auc}): define them anew, or join them.",
        "거의 구별되지 않는 클래스: {one}, {other}(AUC {auc}). 정의를 다시 세우거나 합치십시오.",
    ),
    "run_found_few": (
        "Too few test images to say much: {classes}. The intervals say how much.",
        "테스트 이미지가 너무 적은 클래스: {classes}. 얼마나 불확실한지는 신뢰구간에 있습니다.",
    ),
    "run_found_unread": (
        "Test images that could not be read, and are in no figure: {count} ({reasons}).",
        "테스트 이미지 {count}장은 읽을 수 없어 어떤 수치에도 들어 있지 않습니다: {reasons}.",
    ),
    "run_found_lost": (
        "{lost} of {named} named items gave no image ({share}); each has its cause below.",
        "항목 {named}개 중 {lost}개({share})는 이미지를 얻지 못했습니다. 원인은 아래에 있습니다.",
    ),
    "run_found_stopped": (
        "The head's iterations ran out before it had converged.",
        "분류기 학습이 수렴하기 전에 반복 횟수가 다했습니다.",
    ),
    "run_do_suspects": (
        "Look at the labels in doubt below, and settle each by hand (what a person says is never"
        " overruled):",
        "아래의 의심스러운 레이블을 살펴보고 하나씩 직접 정하십시오(사람이 정한 것은 뒤집지"
        " 않습니다):",
    ),
    "run_do_apply": (
        "Or type the same figleaf run again with --apply {doubt}: the audit relabels what it is"
        " surest of, outside the test part. This takes it back:",
        "또는 같은 figleaf run 명령에 --apply {doubt}를 붙여 다시 실행하십시오. 테스트를 뺀"
        " 나머지에서 가장 확실한 것을 점검이 고칩니다. 되돌리려면:",
    ),
    "run_do_policy": (
        "Fit thresholds to safe pictures of your own traffic, which this data set is not:",
        "이 데이터셋은 실제 서비스의 그림이 아니므로, 서비스에서 나온 안전한 그림으로 임계값을"
        " 맞추십시오:",
    ),
    "run_do_evaluate": (
        "Or save the explorer's lines as my-policy.toml, and see what they do to the test part:",
        "또는 탐색기의 내용을 my-policy.toml로 저장하고 테스트 결과를 확인하십시오:",
    ),
    "run_do_classify": ("Use the model:", "모델을 사용하십시오:"),
    # Quality.
    "run_pairs": ("Most frequent mistakes", "가장 잦은 실수"),
    "run_of_class": ("of its class", "클래스 내 비율"),
    "run_bin": ("said", "모델의 확률"),
    "run_measured": ("bins of {least} images or more", "이미지 {least}장 이상인 구간"),
    "run_bins": ("all bins", "모든 구간"),
    "run_curve_alt": (
        "Curve: {title}. The tables have its figures.",
        "곡선: {title}. 수치는 표에 있습니다.",
    ),
    "run_shaded": (
        "Shaded by shares of the true class; what is right lies on the diagonal.",
        "실제 클래스 내 비율로 칠했습니다. 대각선이 맞힌 것입니다.",
    ),
    "run_of_train": (
        "Images of part train: {count}. A model that was trained on them looks better than it is.",
        "이미지 {count}장은 학습에 쓰인 것입니다. 그것으로 학습한 모델은 실제보다 좋아 보입니다.",
    ),
    "run_without_images": (
        "No image is of {classes}: means over the classes leave out what has no value for them.",
        "이미지가 없는 클래스: {classes}. 값이 없는 것은 클래스 평균에서 빠집니다.",
    ),
    "run_other_classes": (
        "The model has no class {classes}: only safe and unsafe are compared.",
        "모델에 없는 클래스: {classes}. 안전과 유해만 비교합니다.",
    ),
    "run_no_safety": (
        "No class of the model, or every one, is unsafe by policy {policy}: there is no view of"
        " safe and unsafe.",
        "정책 {policy} 기준으로 유해한 클래스가 없거나 모두 유해하여, 안전과 유해로 나눠 볼 수"
        " 없습니다.",
    ),
    "run_counted_safe": (
        "{classes} count as safe: neither figleaf nor {policy} knows a class of that name.",
        "안전으로 센 클래스: {classes}. figleaf도 정책 {policy}도 모르는 이름입니다.",
    ),
    "run_no_unsafe": (
        "None of these images is unsafe: nothing can be said of what is missed.",
        "유해한 이미지가 없어 무엇을 놓치는지 알 수 없습니다.",
    ),
    "run_no_safe": (
        "None of these images is safe: nothing can be said of false alarms.",
        "안전한 이미지가 없어 오탐을 알 수 없습니다.",
    ),
    "run_fine_recall": (
        "A recall of {target} cannot be told from 100% by {images} unsafe images.",
        "유해한 이미지 {images}장으로는 재현율 {target}와 100%를 구별할 수 없습니다.",
    ),
    "run_fine_fpr": (
        "A false-positive rate of {target} cannot be told from 0 by {images} safe images.",
        "안전한 이미지 {images}장으로는 오탐률 {target}와 0을 구별할 수 없습니다.",
    ),
    # Galleries.
    "run_galleries_what": (
        "Each picture here is destroyed: at most {cells} cells on its longer side are left of it."
        " The bars are the most probable classes.",
        "여기 있는 그림은 모두 알아볼 수 없게 뭉갠 것으로, 긴 변에 최대 {cells}칸만 남겼습니다."
        " 막대는 확률이 가장 높은 클래스입니다.",
    ),
    "run_surest": ("Wrong, and sure of it", "확신했지만 틀린 것"),
    "run_surest_what": (
        "The mistakes that the model was surest of: a wrong label, a rare picture, or a class that"
        " needs another definition.",
        "모델이 가장 확신하고 틀린 것입니다. 레이블이 틀렸거나, 드문 그림이거나, 클래스의 정의를"
        " 다시 세워야 하는 경우입니다.",
    ),
    "run_wrong": ("Wrong", "틀린 것"),
    "run_wrong_what": (
        "Other mistakes, as they come in the order of their hashes.",
        "그 밖의 실수를 해시 순으로 골랐습니다.",
    ),
    "run_correct": ("Right", "맞힌 것"),
    "run_correct_what": (
        "What was judged right, as it comes in the order of the hashes.",
        "바르게 판정한 것을 해시 순으로 골랐습니다.",
    ),
    # Origins.
    "run_hashes": ("Hashes", "해시"),
    "run_what": ("of", "대상"),
    "run_hash_data": ("data set, as trained on", "학습한 데이터셋"),
    "run_hash_split": ("split", "분할"),
    "run_hash_bundle": ("bundle's card", "번들 카드"),
    "run_hash_graph": ("model's graph", "모델 그래프"),
    "run_hash_test": ("test images and labels", "테스트 이미지와 레이블"),
    "run_hash_audit": ("data set, as audited", "점검한 데이터셋"),
    "run_versions": ("Software", "소프트웨어"),
    "run_software": ("software", "소프트웨어"),
    # Limits.
    "run_limit_csam": (
        "It does not detect child sexual abuse material. No class and no score says anything about"
        " the age of anybody shown; a low score clears nothing. On suspicion: stop, copy nothing,"
        " report it; docs/safety.md says where.",
        "아동 성착취물을 탐지하지 않습니다. 어떤 클래스나 점수도 나이에 대해 말해 주지 않으며,"
        " 점수가 낮다고 문제가 없는 것도 아닙니다. 의심되면 멈추고, 복사하지 말고 신고하십시오."
        " 신고처는 docs/safety.md에 있습니다.",
    ),
    "run_limit_data": (
        "Its figures are of the test part of this data set. Pictures from elsewhere, or of another"
        " time, have another accuracy; labels that are wrong in the test part count as mistakes"
        " of the model, or hide some.",
        "수치는 이 데이터셋의 테스트 이미지에 대한 것입니다. 다른 곳이나 다른 때의 그림에서는"
        " 정확도가 다릅니다. 테스트의 틀린 레이블은 모델의 실수로 세어지거나 실수를 가립니다.",
    ),
    "run_limit_alone": (
        "It is no decision about a person. Let a person look, and leave room for an appeal.",
        "사람에 대한 결정이 아닙니다. 사람이 확인하고, 이의를 제기할 길을 남겨 두십시오.",
    ),
    "run_limit_bias": (
        "How it treats skin colours, sexes, bodies, cultures, medicine and art was not measured.",
        "피부색, 성별, 체형, 문화, 의학과 예술을 어떻게 다루는지는 측정하지 않았습니다.",
    ),
    "run_limit_share": (
        "Do not publish this page: it names sources and files, and says what is in them.",
        "이 페이지를 공개하지 마십시오. 출처와 파일의 이름, 그 내용에 대한 판정이 들어 있습니다.",
    ),
    "run_markdown_pictures": (
        "The pictures are in report.html alone: a page that shows destroyed thumbnails.",
        "그림은 뭉갠 섬네일로 report.html에만 있습니다.",
    ),
}
"""Key -> what it says in English and in Korean."""
