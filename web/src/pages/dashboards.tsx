// All dashboards, and a way to bring one along.
import { Button, FileButton, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link, useNavigate } from "react-router";

import { importDashboard, useDashboards } from "@/api/grafana";
import { useText } from "@/lib/text/text";
import { Empty, Notice, Waiting } from "@/ui/notice";
import { Panel } from "@/ui/panel";

export default function Dashboards() {
  const { text } = useText();
  const navigate = useNavigate();
  const [asked, setAsked] = useState("");
  const [failure, setFailure] = useState<Error | null>(null);
  const { data, error } = useDashboards(asked);
  const take = async (file: File | null) => {
    if (!file) return;
    try {
      const saved = await importDashboard(JSON.parse(await file.text()));
      navigate(`/d/${encodeURIComponent(saved.uid)}`);
    } catch (cause) {
      setFailure(cause as Error);
    }
  };
  return (
    <div className="stack">
      <div className="toolbar">
        <TextInput className="grow" size="xs" aria-label={text.findDashboard} placeholder={text.findDashboard} value={asked} onChange={(event) => setAsked(event.currentTarget.value)} />
        <FileButton accept="application/json,.json" onChange={(file) => void take(file)}>
          {(props) => (
            <Button {...props} size="xs" variant="default">
              {text.importJson}
            </Button>
          )}
        </FileButton>
      </div>
      <Notice error={failure ?? error} />
      {data && data.length > 0 ? (
        <Panel flush>
          {data.map((one) => (
            <Link key={one.uid} className="list-row" to={`/d/${encodeURIComponent(one.uid)}`}>
              <b>{one.title}</b>
              <span className="soft">{one.folderTitle}</span>
              {one.tags.map((tag) => (
                <span key={tag} className="pill">
                  {tag}
                </span>
              ))}
            </Link>
          ))}
        </Panel>
      ) : data ? (
        <Empty title={text.noDashboards}>{text.noDashboardsHint}</Empty>
      ) : error ? null : (
        <Waiting label={text.loading} />
      )}
    </div>
  );
}
