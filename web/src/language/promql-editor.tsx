// A PromQL editor with completion from the server's own metrics and labels.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import { useEffect, useRef } from "react";

interface Props {
  value: string;
  onChange: (value: string) => void;
  onRun: () => void;
  label: string;
  hint: string;
}

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "light-dark(#8a2ba8, #e0a0f5)" },
  { tag: tags.function(tags.variableName), color: "light-dark(#1864ab, #74c0fc)" },
  { tag: tags.string, color: "light-dark(#237a35, #8ce99a)" },
  { tag: tags.number, color: "light-dark(#a61e4d, #faa2c1)" },
  { tag: tags.labelName, color: "light-dark(#a8460c, #ffc078)" },
]);

export default function PromqlEditor({ value, onChange, onRun, label, hint }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const handlers = useRef({ onChange, onRun });
  handlers.current = { onChange, onRun };

  useEffect(() => {
    if (!holder.current) return;
    const promql = new PromQLExtension().setComplete({ remote: { url: "" } });
    const run = { key: "Enter", run: () => (handlers.current.onRun(), true) };
    const made = new EditorView({
      parent: holder.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          promql.asExtension(),
          syntaxHighlighting(colours),
          history(),
          bracketMatching(),
          closeBrackets(),
          autocompletion(),
          EditorView.lineWrapping,
          placeholder(hint),
          EditorView.contentAttributes.of({ "aria-label": label }),
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...lintKeymap]),
          Prec.low(keymap.of([run, { key: "Shift-Enter", run: () => false }, ...defaultKeymap])),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) handlers.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
    // The editor lives outside of React and is made once.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  // An address that changes (back, a link) is shown in the editor.
  useEffect(() => {
    const doc = view.current?.state.doc;
    if (doc && doc.toString() !== value) {
      view.current?.dispatch({ changes: { from: 0, to: doc.length, insert: value } });
    }
  }, [value]);

  return <div ref={holder} className="code-editor" />;
}
