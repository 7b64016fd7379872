//! Carries out one statement over snapshots: read-only, within limits.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::config::Dialect;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use futures::StreamExt;
use tokio::sync::Semaphore;

use crate::answer::{SqlAnswer, SqlColumn, append_rows, type_name};
use crate::{SqlError, SqlExport, SqlTables};

/// Bytes of a statement, at most.
const TEXT_BYTES_MAX: usize = 64 * 1_024;

/// Exports that are carried out at once.
const EXPORTS_MAX: usize = 2;

/// Parameters of a statement, at most.
const PARAMETERS_MAX: usize = 1_000;

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

/// What a statement gives, as columns.
#[derive(Debug)]
pub struct SqlBatches {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// What a statement gives and takes.
#[derive(Debug, Clone)]
pub struct SqlDescription {
    /// The columns of its answer.
    pub schema: SchemaRef,
    /// The types of its parameters, where they can be told: `$1` first.
    pub parameters: Vec<Option<DataType>>,
}

/// Answers statements in SQL. All statements share its memory.
#[derive(Debug)]
pub struct SqlEngine {
    limits: SqlLimits,
    runtime: Arc<RuntimeEnv>,
    exports: Arc<Semaphore>,
}

impl SqlEngine {
    /// An engine with these limits.
    pub fn new(limits: SqlLimits) -> Result<Self, SqlError> {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        Ok(Self { limits, runtime, exports: Arc::new(Semaphore::new(EXPORTS_MAX)) })
    }

    /// Carries out `text` over `tables`; rows come as JSON.
    pub async fn query(&self, text: &str, tables: SqlTables) -> Result<SqlAnswer, SqlError> {
        let found = self.batches(text, Vec::new(), tables).await?;
        let mut answer = SqlAnswer { columns: columns_of(&found.schema), rows: Vec::new() };
        for batch in &found.batches {
            append_rows(batch, &mut answer.rows)?;
        }
        Ok(answer)
    }

    /// Carries out `text` over `tables`, with values for `$1` and so on.
    pub async fn batches(
        &self,
        text: &str,
        parameters: Vec<ScalarValue>,
        tables: SqlTables,
    ) -> Result<SqlBatches, SqlError> {
        let limits = self.limits;
        let text = checked(text)?;
        self.limited(tables, async move |context| run(&context, &text, parameters, limits).await)
            .await
    }

    /// Begins to carry out `text` over `tables`: its rows have no limit, and no time but that of
    /// whoever takes them.
    pub async fn export(&self, text: &str, tables: SqlTables) -> Result<SqlExport, SqlError> {
        let held = Arc::clone(&self.exports).try_acquire_owned().map_err(|_| {
            SqlError::Memory(format!("{EXPORTS_MAX} exports are being written already"))
        })?;
        let text = checked(text)?;
        self.limited(tables, async move |context| {
            let plan = plan(&context, &text).await?;
            let stream = context.execute_logical_plan(plan).await?.execute_stream().await?;
            Ok(SqlExport { stream, _held: held })
        })
        .await
    }

    /// What `text` gives and takes, without carrying it out.
    pub async fn describe(
        &self,
        text: &str,
        tables: SqlTables,
    ) -> Result<SqlDescription, SqlError> {
        let text = checked(text)?;
        self.limited(tables, async move |context| {
            let plan = plan(&context, &text).await?;
            let mut parameters: Vec<Option<DataType>> = Vec::new();
            for (name, data_type) in plan.get_parameter_types()? {
                let number = name.strip_prefix('$').and_then(|number| number.parse().ok());
                let Some(number) = number.filter(|number| (1..=PARAMETERS_MAX).contains(number))
                else {
                    return Err(SqlError::invalid(format!("{name}: parameters are $1, $2, ...")));
                };
                parameters.resize(parameters.len().max(number), None);
                if let Some(place) = parameters.get_mut(number - 1) {
                    *place = data_type;
                }
            }
            Ok(SqlDescription { schema: Arc::clone(plan.schema().inner()), parameters })
        })
        .await
    }

    /// Does `work` with a session over `tables`, in the time that a statement has.
    async fn limited<T, F>(
        &self,
        tables: SqlTables,
        work: impl FnOnce(SessionContext) -> F + Send + 'static,
    ) -> Result<T, SqlError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SqlError>> + Send,
    {
        let (limits, runtime) = (self.limits, Arc::clone(&self.runtime));
        // A task of its own: where the engine computes for long, the deadline still answers.
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            let context = tokio::task::spawn_blocking(move || context(limits, runtime, tables))
                .await
                .map_err(|error| SqlError::Internal(error.to_string()))??;
            work(context).await
        });
        match tokio::time::timeout(limits.timeout, tasks.join_next()).await {
            Err(_) => Err(SqlError::Timeout(limits.timeout.as_secs())),
            Ok(Some(Ok(answer))) => answer,
            Ok(Some(Err(error))) => Err(SqlError::Internal(error.to_string())),
            Ok(None) => Err(SqlError::Internal("the statement was lost".to_owned())),
        }
    }
}

fn checked(text: &str) -> Result<String, SqlError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SqlError::invalid(format!(
            "the statement has more than {TEXT_BYTES_MAX} bytes"
        )));
    }
    Ok(text.to_owned())
}

/// A session with the tables.
fn context(
    limits: SqlLimits,
    runtime: Arc<RuntimeEnv>,
    tables: SqlTables,
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
    crate::functions::register(&context);
    tables.register(&context)?;
    Ok(context)
}

/// The plan of a statement that only reads.
async fn plan(context: &SessionContext, text: &str) -> Result<LogicalPlan, SqlError> {
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
    Ok(plan)
}

async fn run(
    context: &SessionContext,
    text: &str,
    parameters: Vec<ScalarValue>,
    limits: SqlLimits,
) -> Result<SqlBatches, SqlError> {
    let mut plan = plan(context, text).await?;
    if !parameters.is_empty() {
        plan = plan.with_param_values(parameters)?;
    }
    let mut stream = context.execute_logical_plan(plan).await?.execute_stream().await?;
    let mut found = SqlBatches { schema: stream.schema(), batches: Vec::new() };
    let (mut bytes, mut rows) = (0_usize, 0_usize);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        bytes = bytes.saturating_add(batch.get_array_memory_size());
        rows += batch.num_rows();
        if rows > limits.rows {
            return Err(SqlError::TooManyRows(limits.rows as u64));
        }
        if bytes > limits.answer_bytes {
            return Err(SqlError::Memory("the answer is too long".to_owned()));
        }
        found.batches.push(batch);
    }
    Ok(found)
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
