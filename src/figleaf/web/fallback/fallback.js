// The page of a server that cannot give the one that classifies in the browser: it sends pictures to
// the server, one after another, and shows what comes back. It keeps and stores nothing.

const WORDS = {
  en: {
    choose: "Pictures",
    send: "Classify",
    leaves: "Pictures are sent to this server, which keeps none of them.",
    "key-label": "API key",
    limits:
      "A score is a model's guess. It says nothing about age, and figleaf does not detect child sexual abuse material.",
    assets:
      "This server was installed without the page that classifies in the browser. Whoever runs it can install npm (Node.js 20 or later) and figleaf again, or a wheel that has the page.",
    private:
      "The models of this server are not given out, so pictures are classified by the server and not in the browser.",
    working: (done, all) => `${done} of ${all}`,
    done: (all) => `${all} classified`,
    needsKey: "This server wants an API key.",
    failed: (why) => `No answer: ${why}`,
    decisions: { allow: "allow", review: "review", block: "block" },
  },
  ko: {
    choose: "사진",
    send: "분류하기",
    leaves: "사진은 이 서버로 전송되며, 서버는 사진을 보관하지 않습니다.",
    "key-label": "API 키",
    limits:
      "점수는 모델의 추정일 뿐입니다. 나이에 대해서는 아무것도 알려 주지 않으며, figleaf는 아동 성착취물을 탐지하지 않습니다.",
    assets:
      "이 서버에는 브라우저에서 분류하는 페이지가 설치되어 있지 않습니다. 서버 관리자가 npm(Node.js 20 이상)을 설치한 뒤 figleaf를 다시 설치하거나, 페이지가 포함된 wheel을 설치하면 됩니다.",
    private: "이 서버는 모델을 내려받을 수 없게 설정되어 있어, 사진을 브라우저가 아니라 서버에서 분류합니다.",
    working: (done, all) => `${all}장 중 ${done}장`,
    done: (all) => `${all}장을 분류했습니다`,
    needsKey: "이 서버에는 API 키가 필요합니다.",
    failed: (why) => `응답을 받지 못했습니다: ${why}`,
    decisions: { allow: "허용", review: "검토", block: "차단" },
  },
};

const language = navigator.language.startsWith("ko") ? "ko" : "en";
const words = WORDS[language];
const at = (id) => document.getElementById(id);

document.documentElement.lang = language;
for (const id of ["choose", "send", "leaves", "key-label", "limits"]) at(id).textContent = words[id];

const coming = fetch("models/index.json").then((response) => response.json());

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [...at("files").files];
  at("send").disabled = true;
  at("results").replaceChildren();
  try {
    await classifyAll(files, (await coming).server);
  } finally {
    at("send").disabled = false;
  }
});

at("why").textContent = words[(await coming).reason];

async function classifyAll(files, server) {
  for (const [number, file] of files.entries()) {
    at("said").textContent = words.working(number, files.length);
    const answer = await asked(file, server);
    if (answer === null) return;
    at("results").append(row(file, answer));
  }
  at("said").textContent = words.done(files.length);
}

// The result of one picture; null where the server wants a key or says nothing of use.
async function asked(file, server) {
  const key = at("key").value;
  const headers = { "content-type": "application/octet-stream" };
  if (key) headers["x-api-key"] = key;
  try {
    const response = await fetch(server, { method: "POST", body: file, headers });
    if (response.status === 401) {
      at("with-key").hidden = false;
      at("key").focus();
      at("said").textContent = words.needsKey;
      return null;
    }
    const answer = await response.json();
    return response.ok ? answer.results[0] : { status: answer.title, reason: answer.detail };
  } catch (error) {
    at("said").textContent = words.failed(error.message);
    return null;
  }
}

function row(file, result) {
  const item = document.createElement("li");
  const title = document.createElement("h2");
  const decision = words.decisions[result.decision] ?? result.decision ?? result.status;
  title.textContent = `${file.name}: ${decision}`;
  const reason = document.createElement("p");
  reason.textContent = [result.status, result.reason].filter((part) => part && part !== "ok").join(": ");
  item.append(title, reason, bars(result.scores ?? {}));
  return item;
}

function bars(scores) {
  const list = document.createElement("dl");
  for (const [label, score] of Object.entries(scores)) {
    const name = document.createElement("dt");
    const bar = document.createElement("meter");
    const drawn = document.createElement("dd");
    const figure = document.createElement("dd");
    name.textContent = label;
    bar.value = score;
    bar.setAttribute("aria-label", label);
    figure.textContent = `${(100 * score).toFixed(1)} %`;
    drawn.append(bar);
    list.append(name, drawn, figure);
  }
  return list;
}
