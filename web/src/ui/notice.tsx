import { Alert } from "@mantine/core";

/** What went wrong or should be known, in the server's own words. */
export function Notice({ error, notes = [] }: { error?: Error | null; notes?: readonly string[] }) {
  return (
    <>
      {error ? (
        <Alert color="red" variant="light" role="alert" p="xs">
          {error.message}
        </Alert>
      ) : null}
      {notes.map((note) => (
        <Alert key={note} color="yellow" variant="light" p="xs">
          {note}
        </Alert>
      ))}
    </>
  );
}
