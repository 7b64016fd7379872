import { Component, type ReactNode } from "react";

interface Props {
  title: string;
  again: string;
  /** A new value tries again. */
  watch: string;
  children: ReactNode;
}

/** Keeps the failure of one part from taking the page along. */
export class Failure extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidUpdate(before: Props) {
    if (before.watch !== this.props.watch && this.state.error) this.setState({ error: null });
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="empty" role="alert">
        <strong>{this.props.title}</strong>
        <span className="mono">{error.message}</span>
        <button type="button" className="text-button" onClick={() => this.setState({ error: null })}>
          {this.props.again}
        </button>
      </div>
    );
  }
}
