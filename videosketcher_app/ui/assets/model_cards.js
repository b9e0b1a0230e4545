// The models' cards. Python writes what only shows as HTML, with every word escaped; a card is
// written anew when something of its model has changed, and what moves is set into it in place, so
// that news every second take nobody's focus.

class Cards {
  constructor(root, send) {
    this.root = root;
    this.send = send;
    this.cards = new Map(); // name -> { article, html }
    this.layout = "";
    this.filter = "all";
    root.addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
    this.find(".ms-filter").addEventListener("keydown", (event) => rove(event, "[data-filter]"));
    this.choose("all");
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  load(value) {
    if (!value) return;
    this.place(value.groups);
    for (const group of value.groups) for (const card of group.cards) this.write(card);
    for (const [name, live] of Object.entries(value.live)) this.show(name, live);
    this.count(value.groups);
    this.sift();
    if (value.words) this.tell(value.words, value.ok); // news without words leave the last ones
    say(this.find(".ms-notice"), value.notice);
    say(this.find(".ms-line"), value.line);
    this.root.dataset.looked = value.looked;
  }

  tell(words, ok) {
    const place = this.find(".ms-news");
    say(place, words);
    place.classList.toggle("cd-alert", !ok);
  }

  /** Headings and empty cards, only when there are other models than before. */
  place(groups) {
    const layout = JSON.stringify(groups.map(({ title, cards }) => [title, cards.map(({ key }) => key)]));
    if (layout === this.layout) return;
    this.layout = layout;
    const old = this.cards;
    this.cards = new Map();
    this.find(".ms-groups").replaceChildren(
      ...groups.map(({ title, cards }) => {
        const part = document.createElement("section");
        const heading = document.createElement("h3");
        heading.textContent = title;
        const grid = document.createElement("div");
        grid.className = "ms-grid";
        grid.append(...cards.map(({ key }) => this.card(key, old).article));
        part.append(heading, grid);
        return part;
      }),
    );
  }

  card(name, old) {
    const kept = old.get(name) ?? { article: document.createElement("article"), html: "" };
    kept.article.className = "ms-card";
    kept.article.dataset.model = name;
    this.cards.set(name, kept);
    return kept;
  }

  write({ key, here, html }) {
    const card = this.cards.get(key);
    card.article.classList.toggle("ms-away", !here);
    if (card.html === html) return;
    card.html = html;
    const { article } = card;
    const isOpen = article.querySelector("details")?.open;
    const focused = article.contains(document.activeElement) && document.activeElement.dataset.key;
    article.innerHTML = html;
    if (isOpen) article.querySelector("details")?.setAttribute("open", "");
    if (focused) card.focused = focused;
  }

  show(name, live) {
    const card = this.cards.get(name);
    if (!card) return;
    const { article } = card;
    const state = article.querySelector(".ms-state");
    say(state, live.state);
    state.className = `ms-state vs-state ${live.look}`;
    say(article.querySelector(".ms-told"), live.words);
    article.querySelector(".ms-told").classList.toggle("ms-bad", !live.ok);
    this.move(article.querySelector(".ms-moving"), live);
    const hadFocus = article.contains(document.activeElement);
    for (const button of article.querySelectorAll("[data-do]")) {
      button.hidden = !live.can.includes(button.dataset.do);
    }
    if (card.focused) article.querySelector(`[data-key="${CSS.escape(card.focused)}"]`)?.focus({ preventScroll: true });
    const lost = (hadFocus || card.focused) && !article.contains(visible(document.activeElement));
    // A button that goes hands its focus to the next one of its card.
    if (lost) article.querySelector(".cd-acts button:not([hidden])")?.focus({ preventScroll: true });
    card.focused = "";
  }

  move(place, { total, done, facts }) {
    place.hidden = !facts;
    const bar = place.querySelector("progress");
    if (total) [bar.max, bar.value] = [total, done];
    else bar.removeAttribute("value");
    bar.setAttribute("aria-valuetext", facts);
    say(place.querySelector(".ms-facts"), facts);
  }

  count(groups) {
    const all = groups.flatMap(({ cards }) => cards);
    const here = all.filter((card) => card.here).length;
    const counts = { all: all.length, here, away: all.length - here };
    for (const [filter, number] of Object.entries(counts)) {
      say(this.find(`[data-filter="${filter}"] span`), String(number));
    }
  }

  choose(filter) {
    this.filter = filter;
    choose(this.root, "[data-filter]", (button) => button.dataset.filter === filter);
    this.sift();
  }

  /** Shows the cards of the filter, and the groups that have any. */
  sift() {
    for (const { article } of this.cards.values()) {
      const isAway = article.classList.contains("ms-away");
      article.hidden = (this.filter === "here" && isAway) || (this.filter === "away" && !isAway);
    }
    for (const part of this.root.querySelectorAll(".ms-groups section")) {
      part.hidden = !part.querySelector(".ms-card:not([hidden])");
    }
  }

  pressed(button) {
    if (!button) return;
    const { do: act, name, filter } = button.dataset;
    if (filter) this.choose(filter);
    else if (act === "look") this.send("look", {});
    else if (act === "remove") pressTwice(button, () => this.send(act, { name }));
    else if (act) this.send(act, { name });
  }
}

function say(place, words) {
  if (place.textContent !== words) place.textContent = words;
}

function visible(element) {
  return element?.hidden ? null : element;
}

const EVENTS = {
  look: (data) => trigger("look", data),
  download: (data) => trigger("download", data),
  needs: (data) => trigger("needs", data),
  pause: (data) => trigger("pause", data),
  go_on: (data) => trigger("go_on", data),
  stop: (data) => trigger("stop", data),
  use: (data) => trigger("use", data),
  verify: (data) => trigger("verify", data),
  stop_check: (data) => trigger("stop_check", data),
  remove: (data) => trigger("remove", data),
};

const cards = new Cards(element.querySelector(".ms"), (name, data) => EVENTS[name](data));
cards.load(props.value);
watch("value", () => cards.load(props.value));

// A tab that nobody sees asks for nothing.
let isInView = false;
let wasSeen = false;
function look() {
  const isSeen = isInView && !document.hidden;
  if (isSeen === wasSeen) return;
  wasSeen = isSeen;
  if (isSeen) trigger("seen", {});
  else trigger("hidden", {});
}
new IntersectionObserver((entries) => {
  isInView = entries[entries.length - 1].isIntersecting;
  look();
}).observe(element.closest('[role="tabpanel"]') ?? element);
document.addEventListener("visibilitychange", look);
