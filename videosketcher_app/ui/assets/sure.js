// Buttons that cannot be taken back: the first press asks, the second does it.

function pressTwice(button, act) {
  if (button.classList.contains("vs-sure")) {
    act();
    return;
  }
  const [words, label] = [button.textContent, button.getAttribute("aria-label")];
  button.classList.add("vs-sure");
  button.textContent = TEXT.sure;
  button.setAttribute("aria-label", TEXT.sure);
  button.addEventListener("blur", () => {
    button.classList.remove("vs-sure");
    button.textContent = words;
    if (label) button.setAttribute("aria-label", label);
    else button.removeAttribute("aria-label");
  }, { once: true });
}
