//! Carries out one statement over snapshots: read-only, within limits.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::{Field, SchemaRef};
use datafusion::config::Dialect;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use futures::StreamExt;
use vigie_store::logs::LogSnapshot;

use crate::SqlError;
use crate::answer::{SqlAnswer, SqlColumn, append_rows, type_name};
use crate::documents::{DocumentTable, Documents};

/// Bytes of a statement, at most.
const TEXT_BYTES_MAX: usize = 64 * 1_024;

/// Functions that make much of little, in memory that no pool counts.
const REFUSED_FUNCTIONS: [&str; 10] = [
    "repeat",
    "lpad",
    "rpad",
    "range",
    "generate_series",
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "gen_series",
];

/// What a statement may use.
#[derive(Debug, Clone, Copy)]
pub struct SqlLimits {
    /// Memory of all statements together, in bytes, for sorting, grouping and joining.
    pub memory_bytes: usize,
    /// Memory of one answer, in bytes.
    pub answer_bytes: usize,
    /// Rows of one answer.
    pub rows: usize,
    /// How long one statement may take.
    pub timeout: Duration,
    /// Parts that one statement reads beside each other.
    pub partitions: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            answer_bytes: 64 << 20,
            rows: 10_000,
            timeout: Duration::from_secs(30),
            partitions: 2,
        }
    }
}

/// Answers statements in SQL. All statements share its memory.
#[derive(Debug)]
pub struct SqlEngine {
    limits: SqlLimits,
    runtime: Arc<RuntimeEnv>,
}

impl SqlEngine {
    /// An engine with these limits.
    pub fn new(limits: SqlLimits) -> Result<Self, SqlError> {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        Ok(Self { limits, runtime })
    }

    /// Carries out `text` over tables `logs` and `spans` that are these snapshots.
    pub async fn query(
        &self,
        text: &str,
        logs: LogSnapshot,
        spans: LogSnapshot,
    ) -> Result<SqlAnswer, SqlError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(SqlError::invalid(format!(
                "the statement has more than {TEXT_BYTES_MAX} bytes"
            )));
        }
        let (limits, runtime, text) = (self.limits, Arc::clone(&self.runtime), text.to_owned());
        // A task of its own: where the engine computes for long, the deadline still answers.
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            let context =
                tokio::task::spawn_blocking(move || context(limits, runtime, logs, spans))
                    .await
                    .map_err(|error| SqlError::Internal(error.to_string()))??;
            run(&context, &text, limits).await
        });
        match tokio::time::timeout(limits.timeout, tasks.join_next()).await {
            Err(_) => Err(SqlError::Timeout(limits.timeout.as_secs())),
            Ok(Some(Ok(answer))) => answer,
            Ok(Some(Err(error))) => Err(SqlError::Internal(error.to_string())),
            Ok(None) => Err(SqlError::Internal("the statement was lost".to_owned())),
        }
    }
}

/// A session with the tables.
fn context(
    limits: SqlLimits,
    runtime: Arc<RuntimeEnv>,
    logs: LogSnapshot,
    spans: LogSnapshot,
) -> Result<SessionContext, SqlError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.partitions.max(1))
        .with_information_schema(true);
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    // A recursion is bounded by the deadline alone; nothing here needs one.
    options.execution.enable_recursive_ctes = false;
    let context = SessionContext::new_with_config_rt(config, runtime);
    for name in REFUSED_FUNCTIONS {
        context.deregister_udf(name);
        context.deregister_udtf(name);
    }
    let logs = DocumentTable::new(Documents::Logs, logs)?;
    let spans = DocumentTable::new(Documents::Spans, spans)?;
    context.register_table("logs", Arc::new(logs))?;
    context.register_table("spans", Arc::new(spans))?;
    Ok(context)
}

async fn run(
    context: &SessionContext,
    text: &str,
    limits: SqlLimits,
) -> Result<SqlAnswer, SqlError> {
    let state = context.state();
    let statement = state.sql_to_statement(text, &Dialect::PostgreSQL)?;
    if !only_reads(&statement) {
        let shown = statement.to_string();
        let verb = shown.split_whitespace().next().unwrap_or("this").to_ascii_uppercase();
        return Err(SqlError::ReadOnly(verb));
    }
    let plan = state.statement_to_plan(statement).await?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false);
    // EXPLAIN may hold what it must not: the plan is asked as well.
    if options.with_allow_statements(false).verify_plan(&plan).is_err() {
        return Err(SqlError::ReadOnly("what this would change".to_owned()));
    }
    let mut batches = context.execute_logical_plan(plan).await?.execute_stream().await?;
    let mut answer = SqlAnswer { columns: columns_of(&batches.schema()), rows: Vec::new() };
    let mut bytes = 0_usize;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        bytes = bytes.saturating_add(batch.get_array_memory_size());
        if answer.rows.len() + batch.num_rows() > limits.rows {
            return Err(SqlError::TooManyRows(limits.rows as u64));
        }
        if bytes > limits.answer_bytes {
            return Err(SqlError::Memory("the answer is too long".to_owned()));
        }
        append_rows(&batch, &mut answer.rows)?;
    }
    Ok(answer)
}

/// Whether a statement is of a kind that only reads.
fn only_reads(statement: &Statement) -> bool {
    match statement {
        Statement::Explain(explain) => only_reads(&explain.statement),
        Statement::Statement(statement) => matches!(
            **statement,
            SqlStatement::Query(_)
                | SqlStatement::Explain { .. }
                | SqlStatement::ExplainTable { .. }
                | SqlStatement::ShowTables { .. }
                | SqlStatement::ShowColumns { .. }
        ),
        _ => false,
    }
}

fn columns_of(schema: &SchemaRef) -> Vec<SqlColumn> {
    let column = |field: &Arc<Field>| SqlColumn {
        name: field.name().clone(),
        data_type: type_name(field.data_type()),
    };
    schema.fields().iter().map(column).collect()
}

#[cfg(test)]
mod tests;
