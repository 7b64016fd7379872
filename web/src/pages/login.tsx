import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";

import { ApiError } from "@/api/client";
import { logIn } from "@/api/grafana";
import { useText } from "@/lib/text/text";
import { Notice } from "@/ui/notice";

/** Where to go afterwards: an address of this page, never another site's. */
export function safeTarget(target: string | null): string {
  if (!target || !target.startsWith("/") || target.startsWith("//") || target.includes("\\")) return "/";
  return target.startsWith("/login") ? "/" : target;
}

export default function Login() {
  const { text, language, setLanguage } = useText();
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    try {
      await logIn(user, password);
      queries.clear();
      navigate(safeTarget(search.get("redirectTo")), { replace: true });
    } catch (cause) {
      const wrong = cause instanceof ApiError && cause.status === 401;
      setError(wrong ? new Error(text.loginWrong) : (cause as Error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main style={{ display: "grid", placeItems: "center", minHeight: "100dvh", padding: 16 }}>
      <form
        className="panel stack"
        style={{ width: "min(100%, 360px)", padding: 28 }}
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div style={{ textAlign: "center" }}>
          <img src="favicon.svg" alt="" width={44} height={44} />
          <h1 className="page-title">{text.loginTitle}</h1>
        </div>
        <Notice error={error} />
        <TextInput label={text.user} name="user" autoComplete="username" autoFocus required value={user} onChange={(event) => setUser(event.currentTarget.value)} />
        <PasswordInput label={text.password} name="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
        <Button type="submit" loading={isBusy}>
          {text.login}
        </Button>
        <button type="button" className="text-button" style={{ textAlign: "center", fontSize: 13 }} onClick={() => setLanguage(language === "en" ? "fr" : "en")}>
          {text.language}
        </button>
      </form>
    </main>
  );
}
