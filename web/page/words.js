// What the page says, in English and in Korean. `{name}` is filled in; `key_one` is said of one.

import { TROUBLES } from "./troubles.js";

export const LANGUAGES = ["en", "ko"];

/** key -> [English, Korean] */
export const WORDS = {
  ...TROUBLES,
  skip: ["Skip to the results", "결과로 건너뛰기"],
  tagline: [
    "Is it safe for work? Judged in this browser; nothing leaves it.",
    "유해한 이미지인지 이 브라우저 안에서 판정합니다. 밖으로 나가는 것은 없습니다.",
  ],
  language: ["Language", "언어"],
  theme: ["Appearance", "화면 모드"],
  theme_auto: ["As the system", "시스템 설정"],
  theme_light: ["Light", "라이트"],
  theme_dark: ["Dark", "다크"],

  // Intake.
  intake: ["Pictures to judge", "판정할 이미지"],
  drop: [
    "Drop pictures, films or folders here, or paste them",
    "이미지, 동영상, 폴더를 여기에 끌어다 놓거나 붙여넣으세요",
  ],
  drop_now: ["Let go to add them", "놓으면 추가됩니다"],
  choose: ["Choose pictures", "이미지 선택"],
  folder: ["Choose a folder", "폴더 선택"],
  camera: ["Camera", "카메라"],
  private: [
    "They are read in this browser and are neither uploaded nor kept.",
    "이 브라우저 안에서만 읽으며, 업로드하거나 저장하지 않습니다.",
  ],
  private_server: [
    "“Ask the server” is on: pictures are sent to the server that this page came from.",
    "‘서버에서 판정’이 켜져 있습니다. 이미지가 이 페이지를 제공한 서버로 전송됩니다.",
  ],
  taken: ["{n} added", "{n}개를 추가했습니다"],
  left_out: [
    "{n} files of the folder are neither pictures nor films and were left out",
    "폴더에서 이미지나 동영상이 아닌 파일 {n}개는 제외했습니다",
  ],
  left_out_one: [
    "1 file of the folder is neither a picture nor a film and was left out",
    "폴더에서 이미지나 동영상이 아닌 파일 1개는 제외했습니다",
  ],
  nothing_pasted: ["What was pasted holds no picture", "붙여넣은 내용에 이미지가 없습니다"],
  pasted: ["pasted {n}.{ending}", "붙여넣은 이미지 {n}.{ending}"],
  camera_frame: ["camera {time}.png", "카메라 {time}.png"],

  // Camera.
  camera_stop: ["Stop the camera", "카메라 끄기"],
  camera_reveal: ["Show the picture", "화면 보기"],
  camera_hide: ["Blur the picture", "화면 흐리게"],
  camera_keep: ["Add this frame", "이 장면 추가"],
  camera_rate: [
    "{rate} frames a second judged, {dropped} passed over",
    "초당 {rate}프레임 판정, {dropped}프레임 건너뜀",
  ],
  camera_waits: ["Waiting for the model", "모델 준비 대기 중"],
  camera_refused: [
    "The camera may not be used. Allow it for this page in the browser's settings.",
    "카메라를 사용할 수 없습니다. 브라우저 설정에서 이 페이지의 카메라 권한을 허용하세요.",
  ],
  camera_none: ["No camera was found.", "카메라를 찾을 수 없습니다."],
  camera_insecure: [
    "Browsers give the camera to secure pages only: open this one by https, or on localhost.",
    "보안 연결에서만 카메라를 쓸 수 있습니다. https나 localhost로 여세요.",
  ],
  camera_failed: ["The camera could not be started.", "카메라를 켜지 못했습니다."],
  camera_ended: ["The camera was taken away.", "카메라 연결이 끊어졌습니다."],
  camera_on: ["The camera is on", "카메라가 켜졌습니다"],
  camera_off: ["The camera is off", "카메라가 꺼졌습니다"],

  // Model.
  settings: ["Model and policy", "모델과 정책"],
  model: ["Model", "모델"],
  model_choice: ["{name} ({size})", "{name}({size})"],
  model_away: ["{name} ({size}, not kept for offline use)", "{name}({size}, 오프라인 사용 불가)"],
  model_loading: ["Getting the model: {done} of {all}", "모델 내려받는 중: {all} 중 {done}"],
  model_starting: ["Starting the model", "모델 준비 중"],
  model_ready_wasm: ["Ready, {threads} threads", "준비됨, 스레드 {threads}개"],
  model_ready_wasm_one: ["Ready, 1 thread", "준비됨, 스레드 1개"],
  model_ready_webgpu: ["Ready, on the graphics processor (WebGPU)", "준비됨, 그래픽 프로세서(WebGPU) 사용"],
  model_cancelled: ["Cancelled. Pictures wait for a model.", "취소했습니다. 모델을 불러오면 판정을 시작합니다."],
  model_failed: ["The model could not be loaded: {why}", "모델을 불러오지 못했습니다: {why}"],
  model_waits: [
    "Not loaded yet, as this device saves data. It is loaded with the first picture.",
    "데이터 절약 모드이므로 아직 불러오지 않았습니다. 첫 이미지를 추가하면 불러옵니다.",
  ],
  model_unused: ["Not loaded: the server is asked", "불러오지 않음: 서버에서 판정합니다"],
  model_again: ["Load the model", "모델 불러오기"],
  cancel: ["Cancel", "취소"],
  no_models: [
    "The list of models could not be loaded. Load the page anew.",
    "모델 목록을 불러오지 못했습니다. 페이지를 새로 고치세요.",
  ],

  // The models and policies that come with figleaf, whose own words are the English ones here.
  model_mobilenet_v2: [
    "MobileNet v2 at 224x224, five classes: the default of nsfwjs, the smallest and fastest, with the most false alarms on safe photos.",
    "MobileNet v2, 224x224, 다섯 클래스. nsfwjs의 기본 모델로 가장 작고 빠르지만, 안전한 사진에 대한 오탐이 가장 많습니다.",
  ],
  model_mobilenet_v2_mid: [
    "MobileNet v2 (width 1.4) at 224x224, five classes: the middle model of nsfwjs, fast. Few false alarms, but it calls many photos drawings.",
    "MobileNet v2(너비 1.4), 224x224, 다섯 클래스. nsfwjs의 중간 모델로 빠릅니다. 오탐은 적지만 사진을 그림으로 보는 일이 많습니다.",
  ],
  model_inception_v3: [
    "Inception v3 at 299x299, five classes: of the three models of nsfwjs the one that recognises most safe photos as neutral, and the slowest.",
    "Inception v3, 299x299, 다섯 클래스. nsfwjs의 세 모델 중 안전한 사진을 가장 잘 알아보지만 가장 느립니다.",
  ],
  model_resnet50_thin: [
    "Yahoo's open_nsfw, a ResNet-50 of half the width at 224x224, safe or unsafe for work: the fewest false alarms on safe photos. It was trained on pornographic photos only; drawings, cartoons and text are outside of what it was made for.",
    "Yahoo open_nsfw. 너비가 절반인 ResNet-50, 224x224, 안전 여부만 판단합니다. 안전한 사진에 대한 오탐이 가장 적습니다. 음란한 사진으로만 학습해 그림, 만화, 글자는 대상이 아닙니다.",
  ],

  made_mean: ["Ensemble (mean): {members}", "앙상블(평균): {members}"],
  made_mean_unsafe: ["Ensemble (mean of unsafe scores): {members}", "앙상블(유해 점수 평균): {members}"],
  made_imported: ["Imported: {source}", "가져온 곳: {source}"],
  made_int8: ["computes in int8", "int8로 계산"],

  // Server.
  server: ["Ask the server instead", "서버에서 판정"],
  server_note: [
    "Then pictures leave this browser: they are sent to the server that this page came from.",
    "켜면 이미지가 브라우저 밖으로, 이 페이지를 제공한 서버로 전송됩니다.",
  ],
  server_key: ["Key of the server", "서버 키"],
  server_key_use: ["Use this key", "이 키 사용"],
  server_key_note: ["It is forgotten when the page is closed.", "페이지를 닫으면 키도 사라집니다."],
  server_key_wanted: ["The server wants a key", "서버에 키가 필요합니다"],

  // Policy.
  policy: ["Policy", "정책"],
  policy_reset: ["Reset", "초기화"],
  policy_save: ["Save policy file", "정책 파일 저장"],
  policy_strict: [
    "For places where nothing unsafe may pass: many safe pictures go to review.",
    "유해한 것이 하나도 통과하면 안 되는 곳에 씁니다. 안전한 이미지도 많이 검토로 갑니다.",
  ],
  policy_balanced: [
    "For most communities: sexy pictures go to review, explicit ones are blocked.",
    "대부분의 커뮤니티에 맞습니다. 선정적인 이미지는 검토로 보내고, 노골적인 이미지는 차단합니다.",
  ],
  policy_permissive: [
    "For communities of adults: sexy pictures are allowed, explicit ones are looked at.",
    "성인 커뮤니티에 맞습니다. 선정적인 이미지는 허용하고, 노골적인 이미지는 검토합니다.",
  ],
  rule: ["{name}: {classes}", "{name}: {classes}"],
  rule_absent: ["the model has none of its classes", "모델에 해당 클래스가 없음"],
  rule_review: ["Review ≥", "검토 ≥"],
  rule_block: ["Block ≥", "차단 ≥"],
  rule_use: ["{label}, {rule}: use this threshold", "{label}, {rule}: 이 임곗값 사용"],
  rule_slide: ["{rule}: {what}, slider", "{rule}: {what} 슬라이더"],
  rule_number: ["{rule}: {what}, number", "{rule}: {what} 숫자"],
  decision_as_noun_review: ["review", "검토"],
  decision_as_noun_block: ["block", "차단"],

  // Results.
  results: ["Results", "결과"],
  none: [
    "Nothing here yet. Each picture gets a bar for each class, a verdict, and the comparison that led to it.",
    "아직 결과가 없습니다. 이미지마다 클래스별 막대, 판정, 판정 근거를 보여 줍니다.",
  ],
  none_found: ["Nothing here is of this kind.", "해당하는 결과가 없습니다."],
  reveal_all: ["Show all pictures", "모든 이미지 보기"],
  save_csv: ["Save CSV", "CSV 저장"],
  save_json: ["Save JSON", "JSON 저장"],
  clear: ["Remove all", "모두 지우기"],
  cleared: ["All removed", "모두 지웠습니다"],
  removed: ["{name} removed", "{name} 항목을 지웠습니다"],
  filters: ["Show by verdict", "판정별로 보기"],
  filter_class: ["Class", "클래스"],
  any: ["Any", "전체"],
  sort: ["Order", "정렬"],
  sort_added: ["As added", "추가한 순서"],
  sort_unsafe: ["Most unsafe first", "유해 점수 높은 순"],
  sort_safe: ["Most safe first", "유해 점수 낮은 순"],
  sort_name: ["By name", "이름순"],
  top: ["Bars", "막대 수"],
  top_all: ["All", "전체"],
  count_all: ["All", "전체"],
  count_block: ["Block", "차단"],
  count_review: ["Review", "검토"],
  count_allow: ["Allow", "허용"],
  count_none: ["No verdict", "판정 없음"],
  count_failed: ["Not read", "읽지 못함"],
  count_waiting: ["Waiting", "대기"],
  decision_allow: ["Allow", "허용"],
  decision_review: ["Review", "검토"],
  decision_block: ["Block", "차단"],
  decision_none: ["No verdict", "판정 없음"],
  waiting: ["Waiting", "대기 중"],
  working: ["Being judged", "판정 중"],
  listed_allow: ["on the allow list {list}", "허용 목록 {list}에 있음"],
  listed_block: ["on the block list {list}", "차단 목록 {list}에 있음"],
  no_rule: [
    "The policy has no rule for any class of this model",
    "이 모델의 클래스에 적용되는 규칙이 정책에 없습니다",
  ],
  by_model: ["{reason} · {model}", "{reason} · {model}"],
  by_server: ["{reason} · {model}, by the server", "{reason} · {model}, 서버 판정"],
  show: ["Show {name}", "{name} 보기"],
  hide: ["Blur {name}", "{name} 흐리게"],
  show_word: ["Show", "보기"],
  not_shown: ["This browser cannot show it", "이 브라우저에서 볼 수 없습니다"],
  remove: ["Remove {name}", "{name} 지우기"],
  meanings: ["What the classes mean", "클래스 설명"],
  meanings_of: ["What the classes mean, at {name}", "클래스 설명, {name}"],
  again: ["Try again", "다시 시도"],
  again_of: ["Try {name} again", "{name} 다시 시도"],
  more: ["Show {n} more of {all}", "{all}개 중 {n}개 더 보기"],

  // Work.
  work: ["{done} of {all} judged", "{all}개 중 {done}개 판정"],
  work_model: ["{n} wait for the model", "모델이 준비되면 {n}개를 판정합니다"],
  work_model_one: ["1 waits for the model", "모델이 준비되면 1개를 판정합니다"],
  work_key: ["{n} wait for the server's key", "서버 키를 입력하면 {n}개를 판정합니다"],
  work_key_one: ["1 waits for the server's key", "서버 키를 입력하면 1개를 판정합니다"],
  work_stopped: ["Stopped: {done} of {all} judged", "멈춤: {all}개 중 {done}개 판정"],
  work_done: ["{all} judged: {block} block, {review} review, {allow} allow", "{all}개 판정 완료: 차단 {block}, 검토 {review}, 허용 {allow}"],
  work_stop: ["Stop", "멈추기"],
  work_go: ["Go on", "계속하기"],

  // Films.
  timeline: ["Timeline of {name}", "{name} 타임라인"],
  timeline_what: [
    "Unsafe score over time, {n} frames over the whole length. The worst frame decides.",
    "시간에 따른 유해 점수. 전체 길이에서 고른 {n}프레임 가운데 가장 유해한 프레임이 판정을 결정합니다.",
  ],
  timeline_what_one: [
    "1 frame was looked at.",
    "1프레임만 확인했습니다.",
  ],
  timeline_unseen: [
    "From {seconds} s on not all could be decoded: at least {least}.",
    "{seconds}초부터는 전부 디코딩하지 못했습니다. 최소 판정: {least}.",
  ],
  frame_said: [
    "frame {n} of {all}, at {seconds} s, unsafe {share}, {decision}",
    "{all}프레임 중 {n}번째, {seconds}초, 유해 점수 {share}, {decision}",
  ],
  frame_shown: ["Frame {n} of {all}, at {seconds} s", "{all}프레임 중 {n}번째, {seconds}초"],
  frame_worst: ["worst", "가장 유해함"],
  to_worst: ["To the worst frame", "가장 유해한 프레임으로"],
  reason_at: ["{reason} at {seconds} s (worst of {n} frames)", "{seconds}초에서 {reason}({n}프레임 중 가장 유해)"],

  // The classes, as figleaf.labels has them.
  class_drawings: ["safe drawings, anime included", "애니메이션을 포함한 안전한 그림"],
  class_hentai: ["hentai and pornographic drawings", "헨타이와 음란한 그림"],
  class_neutral: ["safe pictures", "안전한 사진"],
  class_porn: ["pornographic pictures, sexual acts", "음란물, 성행위 사진"],
  class_sexy: ["sexually explicit pictures, not pornography", "선정적이지만 음란물은 아닌 사진"],
  class_sfw: ["safe for work", "안전함"],
  class_nsfw: ["not safe for work", "안전하지 않음"],
  class_own: ["a class of this model's own", "이 모델에만 있는 클래스"],

  // What figleaf is not.
  not_title: ["What figleaf is not", "figleaf가 하지 않는 일"],
  not_short: [
    "It knows nothing of age, and does not detect child sexual abuse material.",
    "나이를 판단하지 않으며, 아동 성착취물을 탐지하지 않습니다.",
  ],
  not_errs: [
    "It errs in both directions: a low score clears no picture, and a high one accuses nobody.",
    "오판은 어느 쪽으로든 생길 수 있습니다. 점수가 낮다고 문제없는 것도, 높다고 누군가의 잘못인 것도 아닙니다.",
  ],
  not_more: ["What that means, and what to do on suspicion", "자세한 내용과 의심될 때 할 일"],
  about: ["About this page", "이 페이지에 대하여"],
  about_classes: ["The classes", "클래스"],
  about_not: ["Limits", "한계"],
  about_not_1: [
    "figleaf gives probabilities, and a policy makes decisions of them. It helps people to look at fewer pictures, and does not replace them: a decision that matters to somebody should be open to appeal, and be looked at by a person.",
    "figleaf는 확률을 내고, 정책이 그 확률로 판정합니다. 사람이 봐야 할 이미지를 줄여 줄 뿐 사람을 대신하지 않습니다. 누군가에게 중요한 결정이라면 이의를 제기할 수 있어야 하고, 사람이 직접 확인해야 합니다.",
  ],
  about_not_2: [
    "Its accuracy on unsafe pictures is not claimed, and bias is untested. Expect that skin colours, sexes, ages, bodies, cultures, breastfeeding, medicine and art are treated unequally. Violence, hatred and drugs are not looked at.",
    "유해한 이미지를 얼마나 정확히 가려내는지는 보장하지 않으며, 편향은 검증하지 않았습니다. 피부색, 성별, 나이, 체형, 문화, 모유 수유, 의료, 예술에 따라 다르게 판정할 수 있습니다. 폭력, 혐오, 약물은 다루지 않습니다.",
  ],
  about_not_3: [
    "It is easily misled by borders, crops, collages and filters. Of a film it sees some frames, spread over the whole length: a scene between two of them goes unseen.",
    "테두리, 자르기, 콜라주, 필터에 쉽게 속습니다. 동영상은 전체 길이에서 몇 프레임만 보므로, 그 사이의 장면은 놓칠 수 있습니다.",
  ],
  about_suspicion: ["On suspicion of child sexual abuse material", "아동 성착취물이 의심될 때"],
  about_suspicion_1: [
    "Stop. Do not copy, send, post or print it, not as evidence either: in many countries holding it is a crime. Report where it is, to NCMEC's CyberTipline in the United States (report.cybertip.org), to the Internet Watch Foundation in the United Kingdom (report.iwf.org.uk), in Korea to the police (telephone 112) or the 방송미디어통신심의위원회 (telephone 1377), and elsewhere to the hotline of your country (inhope.org) or the police.",
    "멈추세요. 증거로 쓰려는 목적이라도 복사, 전송, 게시, 인쇄하지 마세요. 많은 나라에서 소지 자체가 범죄입니다. 있는 곳을 신고하세요. 한국은 경찰(112) 또는 방송미디어통신심의위원회(1377), 미국은 NCMEC CyberTipline(report.cybertip.org), 영국은 Internet Watch Foundation(report.iwf.org.uk), 그 밖의 나라는 해당 국가의 신고 창구(inhope.org)나 경찰입니다.",
  ],
  about_suspicion_2: [
    "Where a child is in danger now: the police, at once.",
    "지금 아이가 위험에 처해 있다면 바로 경찰에 신고하세요.",
  ],
  about_private: ["What stays here", "개인정보"],
  about_private_1: [
    "Pictures are decoded and judged in this browser. The page asks for nothing but its own files and models, and works offline once they are there. No picture, name or score is kept: closing the page forgets them. Only the language, the appearance, the model and the policy are remembered in this browser.",
    "이미지는 이 브라우저 안에서 디코딩하고 판정합니다. 페이지는 자신의 파일과 모델만 요청하며, 한 번 받은 뒤에는 오프라인에서도 동작합니다. 이미지, 이름, 점수는 저장하지 않으며 페이지를 닫으면 사라집니다. 언어, 화면 모드, 모델, 정책 선택만 이 브라우저에 남습니다.",
  ],
  about_private_2: [
    "Every picture is blurred until you show it, and is blurred again when you leave the page or press Escape.",
    "모든 이미지는 직접 보기 전까지 흐리게 표시되며, 페이지를 벗어나거나 Esc 키를 누르면 다시 흐려집니다.",
  ],
  version: ["figleaf {version}.", "figleaf {version}."],
  offline_ready: ["This page and the model now work offline.", "이 페이지와 모델은 이제 오프라인에서도 동작합니다."],
  offline_now: ["Offline: the page works from what this browser keeps.", "오프라인: 이 브라우저에 저장된 파일로 동작합니다."],
  update: ["A newer version of this page is ready.", "이 페이지의 새 버전이 준비되었습니다."],
  update_taken: [
    "Another tab has gone on to a newer version of this page. The results here stay; another model needs the newer one.",
    "다른 탭에서 이 페이지의 새 버전을 적용했습니다. 여기의 결과는 그대로지만, 다른 모델을 쓰려면 새 버전을 적용해야 합니다.",
  ],
  update_use: ["Use it now", "지금 적용"],
};

let index = 0;

/** The language that is spoken: "en" or "ko". */
export const language = () => LANGUAGES[index];

/** Speak another one. */
export function speak(name) {
  index = Math.max(0, LANGUAGES.indexOf(name));
}

/** What `key` says, with values filled in. An unknown key is a fault in the page. */
export function say(key, values = {}) {
  const isOne = [values.n, values.threads].some((value) => String(value) === "1"); // numbers, or written ones
  const one = isOne ? WORDS[`${key}_one`] : undefined;
  const found = one ?? WORDS[key];
  if (!found) throw new Error(`no words for ${key}`);
  return found[index].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** What `key` says, or undefined where nothing is said under it. */
export const sayIfAny = (key) => (Object.hasOwn(WORDS, key) ? say(key) : undefined);

/** A description in the language that is spoken, where `key` has these very words; else as it is. */
export const sayFor = (key, english) => (WORDS[key]?.[0] === english ? say(key) : english);

/** A share of one as per cent: "96.8%". */
export const share = (value) =>
  new Intl.NumberFormat(LANGUAGES[index], {
    style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
  }).format(value);

/** A whole number, grouped. */
export const number = (value) => new Intl.NumberFormat(LANGUAGES[index]).format(value);

/** Bytes in megabytes: "22.5 MB". */
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Put the words of `data-t` into a part of the page. */
export function fill(root) {
  for (const one of root.querySelectorAll("[data-t]")) one.textContent = say(one.dataset.t);
}
