// Which of the causal models that are here draws; the choice is remembered until the window closes.

const MODEL = "videosketcher.codraw.model";

class ModelChoice {
  constructor(desk) {
    this.desk = desk;
    this.models = [];
    this.list = desk.select("model");
    this.note = desk.root.querySelector(".cd-unfit");
    this.list.addEventListener("change", () => this.choose(this.list.value));
  }

  /** The model of the next new drawing; null is the app's own. */
  get wanted() {
    return sessionStorage.getItem(MODEL);
  }

  /** What there is to choose from, as the server says. */
  told({ models, own }) {
    this.models = models;
    const usable = new Set(models.filter(({ why_not }) => !why_not).map(({ name }) => name));
    if (this.wanted && !usable.has(this.wanted)) sessionStorage.removeItem(MODEL);
    const options = models.map(({ name, about }) => {
      const option = new Option(name === own ? say("model_own", { model: name }) : name, name);
      option.disabled = !usable.has(name);
      option.title = about;
      return option;
    });
    this.list.replaceChildren(...options);
    this.list.value = this.wanted ?? own;
    this.list.closest("label").hidden = models.length < 2;
    const unfit = models.filter(({ why_not }) => why_not);
    this.note.textContent = unfit.map(({ name, why_not }) => say("model_unfit", { model: name, why: why_not })).join(" ");
    this.note.hidden = !unfit.length;
    this.fitPapers();
  }

  /** An empty sheet changes hands at once; a drawing stays with the model that it was begun with. */
  choose(name) {
    const { desk } = this;
    sessionStorage.setItem(MODEL, name);
    this.fitPapers();
    if (!desk.story.isBlank) desk.told(say("model_later", { model: name }));
    else if (desk.session) desk.startNew();
    else desk.link.send({ kind: "look", model: name });
  }

  /** Papers in the sizes that the model takes. */
  fitPapers() {
    const model = this.models.find(({ name }) => name === this.list.value);
    if (model) fillPapers(this.desk, model.papers);
  }
}
