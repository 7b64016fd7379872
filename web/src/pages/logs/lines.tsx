// The lines found, newest first: only those in sight exist on the page.
import { type Ref } from "react";

import { cutText, type LogLine, normalLevel } from "@/lib/log-line";
import { useText } from "@/lib/text/text";
import { formatTime } from "@/lib/time";
import { VirtualList, type VirtualHandle } from "@/ui/virtual-list";

export const LEVEL_COLORS: Record<string, string> = { error: "#d6403a", warn: "#e8a30a", info: "#3f8fc9", debug: "#7d8997", "": "#9aa7b5" };

interface Props {
  lines: readonly LogLine[];
  columns: readonly string[];
  words: readonly string[];
  chosen: string;
  height: number | string;
  onChoose: (line: LogLine) => void;
  onEnd?: (() => void) | undefined;
  handle?: Ref<VirtualHandle>;
}

/** Text with what matches marked and what was redacted shown as such. */
export function MarkedText({ text, words }: { text: string; words: readonly string[] }) {
  const pieces = cutText(text, words);
  return pieces.map((piece, index) =>
    piece.kind === "plain" ? (
      piece.text
    ) : (
      // oxlint-disable-next-line react/no-array-index-key
      <mark key={index} className={piece.kind === "match" ? "match" : "redacted"}>
        {piece.text}
      </mark>
    ),
  );
}

export function Lines({ lines, columns, words, chosen, height, onChoose, onEnd, handle }: Props) {
  const { text } = useText();
  const shown = columns.length > 0 ? columns : null;
  const template = shown ? `172px ${shown.map(() => "minmax(120px, 1fr)").join(" ")}` : "172px 60px minmax(70px, 120px) minmax(300px, 1fr)";
  const move = (by: number) => {
    const at = lines.findIndex((line) => line.id === chosen);
    const next = lines[Math.max(0, Math.min(lines.length - 1, at + by))];
    if (next) onChoose(next);
  };
  return (
    <VirtualList
      count={lines.length}
      rowHeight={22}
      height={height}
      label={text.lines}
      minWidth={shown ? 172 + shown.length * 130 : 640}
      {...(handle ? { handle } : {})}
      {...(onEnd ? { onEnd } : {})}
      onKeyDown={(event) => {
        if (event.key === "ArrowDown" || event.key === "j") move(1);
        else if (event.key === "ArrowUp" || event.key === "k") move(-1);
        else return;
        event.preventDefault();
      }}
      header={
        <div className="log-row head" style={{ gridTemplateColumns: template }}>
          <span>{text.time}</span>
          {shown ? (
            shown.map((column) => (
              <span key={column} className="ellipsis">
                {column}
              </span>
            ))
          ) : (
            <>
              <span>{text.level}</span>
              <span>{text.service}</span>
              <span>{text.message}</span>
            </>
          )}
        </div>
      }
      row={(index) => {
        const line = lines[index];
        if (!line) return null;
        const level = normalLevel(line.level);
        return (
          <div key={line.id} className={`log-row ${line.id === chosen ? "chosen" : ""}`} style={{ gridTemplateColumns: template, borderLeftColor: LEVEL_COLORS[level] }} onClick={() => onChoose(line)}>
            <span className="soft">{formatTime(line.timeMs, "millisecond")}</span>
            {shown ? (
              shown.map((column) => (
                <span key={column} className="ellipsis">
                  <MarkedText text={line.fields[column] ?? ""} words={words} />
                </span>
              ))
            ) : (
              <>
                <span className={`ellipsis ${level === "error" ? "bad" : level === "warn" ? "warn" : "soft"}`}>{line.level}</span>
                <span className="ellipsis">{line.service}</span>
                <span className="ellipsis">
                  <MarkedText text={line.message} words={words} />
                </span>
              </>
            )}
          </div>
        );
      }}
    />
  );
}
