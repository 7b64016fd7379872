import { Modal } from "@mantine/core";
import { useEffect, useRef } from "react";

import { useText } from "@/lib/text/text";
import { ALL_PLACES } from "@/ui/places";

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Keys such as `g m`, `?` or `ctrl+k`, anywhere on the page but in fields. */
export function useShortcuts(actions: Record<string, () => void>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    let before = "";
    let at = 0;
    const listen = (event: KeyboardEvent) => {
      const withControl = event.ctrlKey || event.metaKey;
      if (event.altKey || (isTyping(event) && !withControl)) return;
      let key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (withControl) key = `ctrl+${key}`;
      else if (event.shiftKey && event.key.length > 1) key = `shift+${key}`;
      const pair = event.timeStamp - at < 1_500 ? `${before} ${key}` : key;
      const action = latest.current[pair] ?? latest.current[key];
      before = key;
      at = event.timeStamp;
      if (!action) return;
      event.preventDefault();
      before = "";
      action();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}

const list = (entries: [string, string][]) => (
  <table className="plain-table">
    <tbody>
      {entries.map(([keys, label]) => (
        <tr key={keys}>
          <td>{label}</td>
          <td className="number">
            {keys.split(" ").map((key) => (
              <kbd key={key} style={{ marginLeft: 4 }}>
                {key}
              </kbd>
            ))}
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

/** All shortcuts, in a sheet. */
export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const { text } = useText();
  const general: [string, string][] = [
    ["Ctrl K", text.openPalette],
    ["?", text.showHelp],
    ["r", text.refresh],
    ["z", text.zoomOut],
    ["Shift ← →", text.moveRange],
    ["\\", text.toggleTheme],
    ["[", text.collapse],
  ];
  return (
    <Modal opened onClose={onClose} title={text.shortcuts} size="lg" closeButtonProps={{ "aria-label": text.close }}>
      <div className="split" style={{ gridTemplateColumns: "1fr 1fr" }}>
        {list(general)}
        {list(ALL_PLACES.map((place) => [`g ${place.key}`, `${text.goTo}: ${text[place.label]}`]))}
      </div>
    </Modal>
  );
}
