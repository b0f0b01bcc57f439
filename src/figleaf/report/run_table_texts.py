"""What the tables of a run's report say, English and Korean; `texts` takes it in."""

TABLES: dict[str, tuple[str, str]] = {
    # Labels.
    "run_labels_what": (
        "Confident learning (Northcutt et al., 2021): every image is judged by a model that has not"
        " seen it. The accuracy of these judgements is {accuracy}. Train and validation are judged"
        " by folds among themselves; the test part by a model of the other two.",
        "확신 학습(confident learning, Northcutt 외, 2021): 모든 이미지는 그 이미지를 본 적 없는"
        " 모델이 판정합니다. 이 판정의 정확도는 {accuracy}입니다. 학습과 검증 이미지는 그 안에서"
        " 교차로 판정하고, 테스트 이미지는 나머지로 학습한 모델이 판정합니다.",
    ),
    "run_estimated": (
        "{estimated} of {images} labels are wrong by its estimate ({share}); {listed} are listed.",
        "추정으로는 레이블 {images}개 중 {estimated}개({share})가 틀렸습니다. 틀린 것으로 지목한"
        " 것은 {listed}개입니다.",
    ),
    "run_suspects": ("Labels that are likely wrong", "틀린 것으로 보이는 레이블"),
    "run_suspects_what": (
        "The most doubtful first. Doubt is 0..1; from .5 on the model takes it for another class."
        " The test part is never relabelled by a tool: its own model would flatter itself.",
        "의심도가 높은 순서입니다. 의심도는 0~1이며, 0.5 이상이면 모델은 다른 클래스로 봅니다."
        " 테스트 이미지의 레이블은 도구가 고치지 않습니다. 모델이 스스로를 실제보다 좋게 평가하게"
        " 되기 때문입니다.",
    ),
    "run_no_suspects": ("No label is in doubt.", "의심스러운 레이블이 없습니다."),
    "run_outliers": ("Far from every class", "어느 클래스와도 먼 그림"),
    "run_outliers_what": (
        "In robust standard deviations from where images usually lie. Not what the class is about,"
        " a placeholder, or something rare that the model should see more of.",
        "거리는 이미지가 보통 있는 곳에서 강건 표준편차의 몇 배만큼 떨어졌는지입니다. 클래스와"
        " 무관하거나, 자리 표시 그림이거나, 더 많이 학습해야 할 드문 그림입니다.",
    ),
    "run_no_outliers": (
        "No image is far from every class.",
        "어느 클래스와도 먼 이미지는 없습니다.",
    ),
    "run_overlaps": ("Classes that are hardly told apart", "거의 구별되지 않는 클래스"),
    "run_no_overlap": (
        "The model tells all classes apart; these two it tells apart worst.",
        "모델은 모든 클래스를 구별합니다. 표에는 가장 구별이 덜 되는 두 클래스를 실었습니다.",
    ),
    "run_other": ("and", "상대 클래스"),
    "run_shared": ("images of the other", "상대 클래스로 추정되는 이미지"),
    "run_joint": ("Estimated true class by given label", "현재 레이블별 추정 클래스"),
    "run_joint_corner": ("is", "추정"),
    "run_joint_note": (
        "Rows are what the images are, by estimate; columns the labels that they have. Off the"
        " diagonal: errors.",
        "행은 추정한 실제 클래스, 열은 현재 레이블입니다. 대각선 밖은 오류로 추정한 것입니다.",
    ),
    "run_labelled": ("label", "레이블"),
    "run_suggested": ("rather", "제안"),
    "run_doubt": ("doubt", "의심도"),
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
    "run_stand_ins": (
        "What the classes mean is not what these pictures show: safe ones stand in for them.",
        "이 그림들은 클래스의 뜻과 다릅니다. 안전한 그림이 클래스를 대신합니다.",
    ),
    "run_unknown_class": ("not named in it", "정책에 없음"),
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
    "run_l2": ("L2 penalty", "L2 규제"),
    "run_folds": ("{count} folds of train", "학습 이미지의 {count}겹 교차 검증"),
    "run_share_of_train": ("{share} of train", "학습 이미지의 {share}"),
    "run_held_out": ("held out for choosing", "선택에 쓴 검증 이미지"),
    "run_iterations": ("iterations", "반복"),
    "run_converged": ("converged", "수렴함"),
    "run_not_converged": ("not converged", "수렴하지 않음"),
    "run_temperature": ("temperature", "온도"),
    "run_seed": ("seeds: training, split", "시드: 학습, 분할"),
    "run_parameters": ("parameters", "매개변수"),
    "run_flops": ("work per picture", "그림당 연산량"),
    "run_results": ("Measured by training itself", "학습 과정에서 측정한 값"),
    "run_results_note": (
        "Validation is images that the fit has not seen ({held_out}); it chose the penalty and the"
        " temperature. The test part had no say in anything.",
        "검증은 학습에 쓰지 않은 이미지이며({held_out}), 규제와 온도를 고르는 데 썼습니다. 테스트"
        " 이미지는 아무것도 정하는 데 쓰지 않았습니다.",
    ),
    "run_training_times": ("Training, seconds", "학습 시간(초)"),
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
    "run_done": ("done", "완료"),
    "run_skipped": ("unchanged, skipped", "변경 없음, 건너뜀"),
    "run_collect": ("collect", "수집"),
    "run_clean": ("clean", "정리"),
    "run_screen": ("screen", "선별"),
    "run_split": ("split", "분할"),
    "run_train": ("train", "학습"),
    "run_audit": ("audit", "점검"),
    "run_evaluate": ("evaluate", "평가"),
    "run_report": ("report", "보고서"),
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
        "참고: 같은 종류의 한 시스템은 이미지 125,214장을 읽고 특징을 뽑고 학습하는 데 3시간 30분,"
        " 초당 9.9장이 걸렸다고 합니다. 여기서는 같은 일을 초당 {speed}장 처리했습니다(이"
        " 컴퓨터와 이 파일들 기준).",
    ),
}
"""Key -> what it says in English and in Korean."""
