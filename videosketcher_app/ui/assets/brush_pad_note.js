// Gradio's sketch pad opens without a tool in hand: once it is there, its brush is picked up.

const pad = () => document.querySelector(`#${PAD}`);

function pickUp() {
  const tool = pad()?.querySelector('button[aria-label="Brush"]');
  if (!tool || !pad().querySelector("canvas")) return false;
  tool.click();
  return true;
}

const seen = new MutationObserver(() => pickUp() && seen.disconnect());
if (!pickUp()) seen.observe(document.body, { childList: true, subtree: true });
