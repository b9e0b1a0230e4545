// The stages of training as cards, of which one is chosen.

const cards = element.querySelector(".tg-cards");
let chosen = null; // by this page; a late answer must not take the choice back

function pick(stage) {
  chosen = stage;
  choose(cards, ".tg-card", (card) => card.dataset.stage === stage);
}

function load(value) {
  for (const { stage, cost, note } of value?.cards ?? []) {
    const card = cards.querySelector(`[data-stage="${stage}"]`);
    card.querySelector(".tg-cost").textContent = cost;
    card.querySelector(".tg-note").textContent = note;
  }
  if (value && chosen === null) pick(value.chosen);
}

cards.addEventListener("click", ({ target }) => {
  const card = target.closest(".tg-card");
  if (!card || card.dataset.stage === chosen) return;
  pick(card.dataset.stage);
  trigger("pick", { stage: card.dataset.stage });
});
cards.addEventListener("keydown", (event) => rove(event, ".tg-card"));
load(props.value);
watch("value", () => load(props.value));

let wasVisible = false;
new IntersectionObserver((entries) => {
  const isVisible = entries[entries.length - 1].isIntersecting;
  if (isVisible && !wasVisible) trigger("seen", {});
  wasVisible = isVisible;
}).observe(element);
