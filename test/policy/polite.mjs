// Spark's rules, but no task holds more than a quarter, however much is free.
import { divide, unified } from "tungsten-memory";

const quarter = (view) => divide(view.total, 4);

export default {
  ...unified,
  name: "polite",
  ceiling: (view) => Math.min(unified.ceiling(view), quarter(view)),
  share: (view, held, bytes) => unified.share(view, held, Math.max(0, Math.min(bytes, quarter(view) - held))),
};
