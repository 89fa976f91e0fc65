// Nothing that a value says becomes markup.

import fc from "fast-check";
import { expect, test } from "vitest";
import { html, jsonScript, trusted } from "../../src/report/html.js";

test("values are escaped, markup and lists of markup are not, null is nothing", () => {
  const list = ["<b>", html`<i>${"&"}</i>`, 3, null, trusted("<hr>")];
  expect(html`<p title="${`"'`}">${list}</p>`.text).toBe('<p title="&quot;&#39;">&lt;b&gt;<i>&amp;</i>3<hr></p>');
});

test("data comes back as it went in, and cannot end its element", () => {
  const nasty = fc.string({ unit: fc.constantFrom("<", "/", "script", ">", "!--", "&", '"', "\\", "\u2028", "a") });
  fc.assert(
    fc.property(fc.array(nasty), (values) => {
      const { text } = jsonScript("x", values);
      const inside = text.slice('<script type="application/json" id="x">'.length, -"</script>".length);
      expect(inside).not.toContain("<");
      expect(JSON.parse(inside)).toEqual(values);
    }),
    { seed: 20_261_121, numRuns: 300 },
  );
});
