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
        "{listed} labels are likely wrong; by the audit's estimate {estimated} of {images} are"
        " ({share}). Errors in the test part make the figures above look worse or better than they"
        " are.",
        "레이블 {listed}개가 틀린 것으로 보이며, 점검의 추정으로는 {images}개 중 {estimated}개"
        " ({share})가 틀렸습니다. 테스트 레이블의 오류는 위의 수치를 실제보다 나쁘거나 좋게"
        " 만듭니다.",
    ),
    "run_found_applied": (
        "The audit gave {count} images another label before training; figleaf audit --undo takes"
        " that back.",
        "점검에서 학습 전에 이미지 {count}장의 레이블을 바꿨습니다. figleaf audit --undo로 되돌릴"
        " 수 있습니다.",
    ),
    "run_found_settled": (
        "{count} doubtful labels were left alone, since a person has given them.",
        "의심스러운 레이블 {count}개는 사람이 붙인 것이라 그대로 두었습니다.",
    ),
    "run_found_outliers": (
        "{count} images are far from every class: not what their class is about, or rare.",
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
        "{count} test images could not be read and are in no figure: {reasons}.",
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
        "Or let the audit relabel what it is surest of, outside the test part, and run again:",
        "또는 테스트를 뺀 나머지에서 가장 확실한 것을 점검이 고치게 하고 다시 실행하십시오:",
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
    "run_measured": ("measured", "측정값"),
    "run_curve_alt": (
        "Curve: {title}. The tables have its figures.",
        "곡선: {title}. 수치는 표에 있습니다.",
    ),
    "run_shaded": (
        "Shaded by shares of the true class; what is right lies on the diagonal.",
        "실제 클래스 내 비율로 칠했습니다. 대각선이 맞힌 것입니다.",
    ),
    "run_of_test": ("on the test part", "테스트"),
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
    # Labels.
    "run_labels_what": (
        "Confident learning (Northcutt et al., 2021): every image is judged by a model that has not"
        " seen it. The accuracy of these judgements is {accuracy}. Train and validation are judged"
        " by folds among themselves; the test part by a model of the other two.",
        "확신 학습(Northcutt 등, 2021): 모든 이미지를, 그 이미지를 본 적 없는 모델이 판정합니다. 이"
        " 판정의 정확도는 {accuracy}입니다. 학습과 검증 이미지는 그 안에서 교차 판정하고, 테스트"
        " 이미지는 나머지로 만든 모델이 판정합니다.",
    ),
    "run_estimated": (
        "{estimated} of {images} labels are wrong by its estimate ({share}); {listed} are listed.",
        "추정으로는 레이블 {images}개 중 {estimated}개({share})가 틀렸고, {listed}개를"
        " 찾아냈습니다.",
    ),
    "run_suspects": ("Labels that are likely wrong", "틀린 것으로 보이는 레이블"),
    "run_suspects_what": (
        "The most doubtful first. Doubt is 0..1; from .5 on the model takes it for another class."
        " The test part is never relabelled by a tool: its own model would flatter itself.",
        "가장 의심스러운 것부터입니다. 의심은 0~1이며, .5부터는 모델이 다른 클래스로 봅니다. 테스트"
        " 이미지는 도구가 고치지 않습니다. 모델이 스스로를 좋게 평가하게 되기 때문입니다.",
    ),
    "run_no_suspects": ("No label is in doubt.", "의심스러운 레이블이 없습니다."),
    "run_outliers": ("Far from every class", "어느 클래스와도 먼 그림"),
    "run_outliers_what": (
        "In robust standard deviations from where images usually lie. Not what the class is about,"
        " a placeholder, or something rare that the model should see more of.",
        "이미지가 보통 있는 곳에서 얼마나 먼지를 강건한 표준편차로 나타냅니다. 클래스와 무관하거나,"
        " 자리 표시 그림이거나, 더 많이 학습해야 할 드문 그림입니다.",
    ),
    "run_no_outliers": (
        "No image is far from every class.",
        "어느 클래스와도 먼 이미지는 없습니다.",
    ),
    "run_overlaps": ("Classes that are hardly told apart", "거의 구별되지 않는 클래스"),
    "run_no_overlap": (
        "The model tells all classes apart; these two it tells apart worst.",
        "모델은 모든 클래스를 구별합니다. 표는 가장 덜 구별되는 두 클래스입니다.",
    ),
    "run_other": ("and", "다른 클래스"),
    "run_shared": ("images of the other", "다른 쪽에 속하는 이미지"),
    "run_joint": ("Estimated true class by given label", "추정한 실제 클래스와 붙어 있는 레이블"),
    "run_joint_corner": ("is", "실제"),
    "run_joint_note": (
        "Columns are the labels that the images have. Off the diagonal: errors, by estimate.",
        "열은 이미지에 붙어 있는 레이블입니다. 대각선 밖은 추정한 오류입니다.",
    ),
    "run_labelled": ("label", "레이블"),
    "run_suggested": ("rather", "제안"),
    "run_doubt": ("doubt", "의심"),
    "run_given": ("p(label)", "p(레이블)"),
    "run_chance": ("p(rather)", "p(제안)"),
    "run_nearest": ("nearest class", "가장 가까운 클래스"),
    "run_distance": ("distance", "거리"),
    "run_image": ("image", "이미지"),
    "run_rows_left_out": (
        "{count} more are not shown; audit.json in the run's folder has all.",
        "{count}개는 싣지 않았습니다. 실행 폴더의 audit.json에 모두 있습니다.",
    ),
    # Data.
    "run_definitions": ("Classes", "클래스"),
    "run_called": ("by {policy}", "{policy} 기준"),
    "run_own_class": (
        "a class of your own: its images say what it is",
        "직접 만든 클래스: 이미지가 그 뜻을 정함",
    ),
    "run_definitions_note": (
        "Images that were trained and tested on; safe and unsafe are the policy's.",
        "학습과 평가에 쓴 이미지 수입니다. 안전과 유해는 정책이 정한 것입니다.",
    ),
    # Training.
    "run_training": ("How it was trained", "학습 방법"),
    "run_setting": ("setting", "항목"),
    "run_value": ("value", "값"),
    "run_mode": ("mode", "방식"),
    "run_probe": ("a head on a frozen backbone", "고정한 백본 위의 분류기"),
    "run_finetune": ("the backbone fine-tuned", "백본 미세 조정"),
    "run_backbone": ("backbone, graph hash", "백본, 그래프 해시"),
    "run_trained": ("images learnt from", "학습한 이미지"),
    "run_unreadable": ("unreadable", "읽을 수 없음"),
    "run_left_out": ("in no part, or no class", "분할이나 클래스가 없음"),
    "run_class_weights": ("class weights", "클래스 가중치"),
    "run_l2": ("L2 penalty", "L2 벌점"),
    "run_held_out": ("held out for choosing", "선택에 쓴 미학습 이미지"),
    "run_iterations": ("iterations", "반복"),
    "run_converged": ("converged", "수렴함"),
    "run_not_converged": ("not converged", "수렴하지 않음"),
    "run_temperature": ("temperature", "온도"),
    "run_seed": ("seeds: training, split", "시드: 학습, 분할"),
    "run_parameters": ("parameters", "매개변수"),
    "run_flops": ("work per picture", "그림당 연산량"),
    "run_results": ("Measured by training itself", "학습 과정에서 측정한 값"),
    "run_results_note": (
        "Validation chose the penalty and the temperature; the test part had no say in anything.",
        "검증은 벌점과 온도를 고르는 데 썼고, 테스트는 아무것도 정하지 않았습니다.",
    ),
    "run_training_times": ("Training, seconds", "학습, 초"),
    "run_loading": ("ledger and split", "장부와 분할"),
    "run_features": ("features", "특징 벡터"),
    "run_fitting": ("head", "분류기"),
    "run_testing": ("calibration and test", "보정과 테스트"),
    "run_writing": ("bundle, checked", "번들과 확인"),
    "run_computed": (
        "Features of {count} images were computed, those of the others were there.",
        "이미지 {count}장의 특징 벡터를 계산했고, 나머지는 이미 있었습니다.",
    ),
    "run_feature_speed": ("{speed} images a second.", "초당 {speed}장입니다."),
    # Time.
    "run_stages": ("Stages", "단계"),
    "run_stage": ("stage", "단계"),
    "run_seconds": ("seconds", "초"),
    "run_speed": ("images/s", "장/초"),
    "run_done": ("done", "실행"),
    "run_skipped": ("unchanged, skipped", "변경 없음, 건너뜀"),
    "run_collect": ("collect", "수집"),
    "run_clean": ("clean", "정리"),
    "run_screen": ("screen", "선별"),
    "run_split": ("split", "분할"),
    "run_train": ("train", "학습"),
    "run_audit": ("audit", "점검"),
    "run_evaluate": ("evaluate", "평가"),
    "run_report": ("report", "보고"),
    "run_stages_note": (
        "Images are what a stage had before it: collect counts named items, lost ones included. In"
        " all: the images in use.",
        "이미지는 그 단계가 다룬 수이며, 수집은 잃은 것까지 포함한 항목 수입니다. 합계는 사용 중인"
        " 이미지입니다.",
    ),
    "run_reference": (
        "For comparison: a system of this kind was reported to take 3 h 30 min for loading,"
        " features and training of 125,214 images, 9.9 images a second. The same steps took {speed}"
        " a second here, on this machine and with these files.",
        "비교: 같은 종류의 한 시스템은 이미지 125,214장을 읽고 특징을 뽑고 학습하는 데 3시간 30분,"
        " 초당 9.9장이 걸렸다고 합니다. 여기서는 같은 일을 초당 {speed}장 처리했습니다(이"
        " 컴퓨터와 이 파일들 기준).",
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
    "run_scroll": ("table", "표"),
    "run_markdown_pictures": (
        "The pictures are in report.html alone: a page that shows destroyed thumbnails.",
        "그림은 뭉갠 섬네일로 report.html에만 있습니다.",
    ),
}
"""Key -> what it says in English and in Korean."""
