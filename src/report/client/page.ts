// The script of every page: what it was made from, its colours, the button of the theme, and buttons that save. A page's script
// is this file, plots.ts where it has charts, and one of its own, pasted one after the other as they are compiled with their
// imports taken away, so they share one scope and import nothing but each other and types.

const redraws: (() => void)[] = [];

/** What the page was made from. */
export function pageData<T>(): T {
  return JSON.parse(document.getElementById("data")!.textContent) as T;
}

/** A colour of the theme in force; canvases cannot read the style sheet by themselves. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Has something drawn anew whenever the theme changes. */
export function onTheme(redraw: () => void): void {
  redraws.push(redraw);
}

function followTheme(): void {
  const root = document.documentElement;
  const button = document.getElementById("theme")!;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = (): boolean => (root.dataset["theme"] ?? (prefersDark.matches ? "dark" : "light")) === "dark";
  const apply = (): void => {
    button.setAttribute("aria-pressed", String(isDark()));
    for (const redraw of redraws) redraw();
  };
  button.addEventListener("click", () => {
    root.dataset["theme"] = isDark() ? "light" : "dark";
    apply();
  });
  prefersDark.addEventListener("change", apply);
  apply();
}

/** Each button with `data-saves` saves the JSON of the element that it names, as `data-as`. */
function offerFigures(): void {
  for (const button of document.querySelectorAll<HTMLElement>("button[data-saves]")) {
    button.addEventListener("click", () => {
      const text = document.getElementById(button.dataset["saves"]!)!.textContent;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      link.download = button.dataset["as"]!;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
}

/** The shell calls it when all is drawn. */
export function finish(): void {
  followTheme();
  offerFigures();
  document.documentElement.dataset["drawn"] = String(redraws.length);
}
