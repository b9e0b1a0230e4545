// Suggestions: concepts at random while the field is empty, matching ones while somebody types.

const row = element.querySelector(".ts-row");
const field = () => document.querySelector(`#${FIELD} :is(textarea, input)`);
const taught = CONCEPTS.filter((concept) => concept.length > 2);

function shuffled(items) {
  const left = [...items];
  const picked = [];
  while (picked.length < NUM_SHOWN && left.length) {
    picked.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  }
  return picked;
}

// What a concept is called comes before its other names, and beginnings before what is inside; those
// that the model was taught come first among equals.
function matching(words) {
  const bare = withoutArticle(words);
  const rank = ([title, names]) => {
    if (withoutArticle(title.toLowerCase()).startsWith(bare)) return 0;
    if (names.split(" | ").some((name) => withoutArticle(name).startsWith(bare))) return 1;
    return names.includes(bare) ? 2 : 3;
  };
  const found = CONCEPTS.map((concept) => [rank(concept), concept]).filter(([r]) => r < 3);
  return found.sort(([a], [b]) => a - b).slice(0, NUM_SHOWN).map(([, concept]) => concept);
}

function withoutArticle(words) {
  return words.replace(/^(an?|the)\s+/, "");
}

function show(concepts) {
  row.replaceChildren(...concepts.map(([title]) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "ts-chip";
    chip.textContent = title;
    return chip;
  }));
}

function refresh() {
  const words = (field()?.value ?? "").trim().toLowerCase();
  const isWhole = CONCEPTS.some(([title]) => title.toLowerCase() === words);
  show(words && !isWhole ? matching(words) : shuffled(taught));
}

function write(title) {
  const box = field();
  if (!box) return;
  const prototype = Object.getPrototypeOf(box);
  Object.getOwnPropertyDescriptor(prototype, "value").set.call(box, title);
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
}

row.addEventListener("click", ({ target }) => {
  const chip = target.closest(".ts-chip");
  if (chip) write(chip.textContent);
});
element.querySelector(".ts-more").addEventListener("click", () => show(shuffled(taught)));
const listening = new AbortController();
document.addEventListener("input", ({ target }) => {
  if (!element.isConnected) listening.abort();
  else if (target === field()) refresh();
}, { signal: listening.signal });
refresh();
