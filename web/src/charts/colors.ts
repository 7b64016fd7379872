/** Colours that stay apart in light and dark, and for most who see colours differently. */
export const COLORS = ["#0b84a5", "#e8590c", "#2b8a3e", "#9c36b5", "#c92a2a", "#5c7cfa", "#a67c00", "#0ca678", "#d6336c", "#868e96"];
