// Downloads: tells Python what is wanted, and fetches the file once it is made.

const status = element.querySelector(".td-status");
const buttons = [...element.querySelectorAll("button[data-kind]")];
let drawing = null;

function saveFile({ path, name }) {
  const root = window.gradio_config?.root ?? "";
  const link = document.createElement("a");
  link.href = `${root}/gradio_api/file=${path.split("/").map(encodeURIComponent).join("/")}`;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

function onDrawing(news) {
  drawing = news.drawing;
  for (const button of buttons) {
    button.disabled = !news.enabled;
    delete button.dataset.state;
  }
  status.textContent = news.note;
}

function onFile(news) {
  if (news.drawing !== drawing) return; // the page shows another drawing by now
  const button = buttons.find((one) => one.dataset.kind === news.kind);
  button.dataset.state = news.state;
  button.setAttribute("aria-busy", String(news.state === "making"));
  status.textContent = news.words;
  if (news.state === "ready") saveFile(news);
}

element.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-kind]");
  if (!button || button.dataset.state === "making") return;
  button.dataset.state = "making";
  trigger("make", { kind: button.dataset.kind, drawing });
});

watch("value", () => {
  const news = props.value;
  if (!news) return;
  if ("enabled" in news) onDrawing(news);
  else onFile(news);
});
