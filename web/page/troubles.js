// What went wrong, in English and in Korean: by the status of a picture, by the code of an error of the
// library, by the kind of a server's problem. Their own words, which are English, are given beside these.

/** key -> [English, Korean] */
export const TROUBLES = {
  // What went wrong with one picture.
  status_not_found: ["The file is no longer there", "파일이 더 이상 없습니다"],
  status_unreadable: ["The file cannot be read", "파일을 읽을 수 없습니다"],
  status_empty: ["The file is empty", "빈 파일입니다"],
  status_too_many_bytes: ["The file is too large", "파일이 너무 큽니다"],
  status_too_many_pixels: ["The picture has too many pixels", "이미지의 픽셀이 너무 많습니다"],
  status_not_an_image: ["Not an image", "이미지가 아닙니다"],
  status_unsupported: [
    "Of a format that this browser does not decode",
    "이 브라우저가 디코딩하지 못하는 형식입니다",
  ],
  status_unsupported_server: ["Of a format that the server does not decode", "서버가 디코딩하지 못하는 형식입니다"],
  status_truncated: ["The file ends too early", "파일이 중간에 끊겨 있습니다"],
  status_corrupt: ["The file is damaged", "파일이 손상되었습니다"],
  status_timeout: ["It took too long to decode", "디코딩 시간이 초과되었습니다"],
  status_crashed: ["The decoder ended unexpectedly", "디코더가 비정상 종료되었습니다"],
  status_server: ["The server did not judge it: {why}", "서버가 판정하지 못했습니다: {why}"],
  status_error: ["It could not be judged: {why}", "판정하지 못했습니다: {why}"],
  server_unreachable: ["it cannot be reached", "연결할 수 없습니다"],

  // By figleaf-web's codes: of a model that is loaded or that judges.
  code_NOT_FOUND: ["a file that it needs cannot be had", "필요한 파일을 받을 수 없습니다"],
  code_BAD_BUNDLE: [
    "its files are damaged, or of a newer kind than this page knows",
    "파일이 손상되었거나 이 페이지가 모르는 새 형식입니다",
  ],
  code_TOO_LARGE: ["it is larger than any real one", "크기가 비정상적으로 큽니다"],
  code_UNSUPPORTED: [
    "this browser gives the page no workers, or no WebAssembly; use a current one",
    "이 브라우저에서는 워커나 WebAssembly를 쓸 수 없습니다. 최신 브라우저를 사용하세요",
  ],
  code_RUNTIME: ["the program that runs it failed", "모델을 실행하는 프로그램에 오류가 났습니다"],
  code_other: ["something failed that should not", "예상하지 못한 오류가 났습니다"],

  // By the kinds of problems that a server answers with.
  problem_bad_request: ["it did not understand the request", "요청을 이해하지 못했습니다"],
  problem_unauthorized: ["it wants a key", "키가 필요합니다"],
  problem_method_not_allowed: ["it does not classify", "판정 기능이 없습니다"],
  problem_unsupported_media_type: ["it expects something else", "다른 형식의 요청을 기대합니다"],
  problem_headers_too_large: ["the request is too large for it", "요청이 너무 큽니다"],
  problem_not_found: ["it does not classify", "판정 기능이 없습니다"],
  problem_timeout: ["the picture came too slowly", "이미지 전송이 너무 느렸습니다"],
  problem_too_large: ["the picture is too large for it", "이미지가 너무 큽니다"],
  problem_invalid: ["it has no such model any more, or cannot do what was asked", "해당 모델이 더 이상 없거나 요청을 처리할 수 없습니다"],
  problem_rate_limited: ["too many pictures with this key", "이 키로 보낸 이미지가 너무 많습니다"],
  problem_internal: ["it failed", "서버에 오류가 났습니다"],
  problem_crashed: ["the picture could not be decoded", "이미지를 디코딩하지 못했습니다"],
  problem_overloaded: ["it is busy", "서버가 바쁩니다"],
  problem_not_ready: ["it is not ready", "서버가 준비되지 않았습니다"],
  problem_other: ["it answered with an error", "서버가 오류로 답했습니다"],
  detail: ["Details", "자세히"],
};
