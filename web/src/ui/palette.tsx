import { Modal, TextInput } from "@mantine/core";
import { useState } from "react";

import { useText } from "@/lib/text/text";
import { Icon, type IconName } from "@/ui/icon";

export interface Command {
  id: string;
  label: string;
  kind: string;
  icon: IconName;
  run: () => void;
  hint?: string;
}

/** How well `label` answers `asked`: whole words and beginnings first; null for not at all. */
export function score(label: string, asked: string): number | null {
  const [text, query] = [label.toLowerCase(), asked.toLowerCase().trim()];
  if (query === "") return 0;
  const at = text.indexOf(query);
  if (at >= 0) return (at === 0 ? 0 : /[^a-z0-9]/.test(text[at - 1] ?? "") ? 10 : 20) + text.length / 1_000;
  let position = -1;
  let gaps = 0;
  for (const letter of query) {
    const next = text.indexOf(letter, position + 1);
    if (next < 0) return null;
    gaps += next - position - 1;
    position = next;
  }
  return 50 + gaps;
}

const SHOWN_MAX = 40;

function pick(commands: readonly Command[], asked: string): Command[] {
  const found: [number, Command][] = [];
  for (const command of commands) {
    const points = score(command.label, asked);
    if (points !== null) found.push([points, command]);
  }
  if (asked) found.sort((a, b) => a[0] - b[0]);
  return found.slice(0, SHOWN_MAX).map(([, command]) => command);
}

interface Props {
  commands: (asked: string) => readonly Command[];
  onClose: () => void;
}

/** One field that goes everywhere. */
export function Palette({ commands, onClose }: Props) {
  const { text } = useText();
  const [asked, setAsked] = useState("");
  const [at, setAt] = useState(0);
  const found = pick(commands(asked), asked);
  const chosen = Math.min(at, found.length - 1);
  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  return (
    <Modal opened onClose={onClose} withCloseButton={false} padding={0} size="lg" yOffset="10vh" aria-label={text.openPalette}>
      <TextInput
        data-autofocus
        variant="unstyled"
        size="md"
        px="md"
        py={4}
        leftSection={<Icon name="search" />}
        leftSectionWidth={36}
        placeholder={text.searchHint}
        aria-label={text.search}
        role="combobox"
        aria-expanded
        aria-controls="palette-list"
        aria-activedescendant={found[chosen] ? `palette-${chosen}` : undefined}
        value={asked}
        onChange={(event) => {
          setAsked(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, found.length - 1));
          else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
          else if (event.key === "Enter") run(found[chosen]);
          else return;
          event.preventDefault();
        }}
      />
      <div id="palette-list" role="listbox" aria-label={text.openPalette} style={{ borderTop: "1px solid var(--line)", maxHeight: "55vh", overflow: "auto", padding: 6 }}>
        {found.map((command, index) => (
          <div
            key={command.id}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            className={`nav-item ${index === chosen ? "active" : ""}`}
            style={{ cursor: "pointer" }}
            ref={index === chosen ? (element) => element?.scrollIntoView({ block: "nearest" }) : null}
            onMouseMove={() => setAt(index)}
            onMouseDown={(event) => {
              event.preventDefault();
              run(command);
            }}
          >
            <Icon name={command.icon} />
            <span className="ellipsis">{command.label}</span>
            <span className="soft" style={{ marginLeft: "auto", fontSize: 12, fontWeight: 400 }}>
              {command.hint ? <kbd>{command.hint}</kbd> : command.kind}
            </span>
          </div>
        ))}
        {found.length === 0 ? <div className="empty">{text.nothingFound}</div> : null}
      </div>
    </Modal>
  );
}
