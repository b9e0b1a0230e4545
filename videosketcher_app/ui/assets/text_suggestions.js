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

// A name that begins with the words comes before one that has them inside; taught ones stay first.
function matching(words) {
  const bare = words.replace(/^(an?|the)\s+/, "");
  const ranked = (isFit) => CONCEPTS.filter(([, names]) => names.split(" | ").some(isFit));
  const starts = ranked((name) => name.replace(/^(an?|the)\s+/, "").startsWith(bare));
  const inside = ranked((name) => name.includes(bare));
  return [...new Set([...starts, ...inside])].slice(0, NUM_SHOWN);
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
  show(words ? matching(words) : shuffled(taught));
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
