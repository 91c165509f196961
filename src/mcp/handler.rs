//! Which part answers which request.

use std::sync::Arc;

use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
        CustomRequest, CustomResult, DiscoverResult, ErrorCode, ErrorData, GetPromptRequestParams,
        GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ResourcesCapability, ServerCapabilities, ServerConfig,
        SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use tokio::sync::{Mutex, watch};

use super::{Options, complete, prompts, resources, speech, tools, updates::Updates};
use crate::{commands::Entry, store::ConfigFile};

/// How long lists may be kept by clients: they change with the program only.
const AN_HOUR: u64 = 3_600_000;
/// What a client shows a model before it has looked at anything.
const INSTRUCTIONS: &str = include_str!("../../prompts/mcp-instructions.md");

type Context = RequestContext<RoleServer>;
type Page = Option<PaginatedRequestParams>;

/// What all requests share. Nothing in it belongs to a conversation but subscriptions: several
/// agents may speak to one process.
pub struct Shared {
    pub file: ConfigFile,
    pub read_only: bool,
    pub offered: Vec<&'static Entry>,
    /// Held by the one change that is being made.
    pub writes: Arc<Mutex<()>>,
    /// Becomes true when the client has closed its end.
    pub ended: watch::Receiver<bool>,
    pub updates: Updates,
    config: ServerConfig,
}

impl Shared {
    /// What a server with these options begins with.
    #[must_use]
    pub fn new(options: Options, ended: watch::Receiver<bool>) -> Self {
        let Options { file, read_only } = options;
        let offered = tools::offered(read_only);
        let mut resources = ResourcesCapability::default();
        resources.subscribe = Some(true);
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_completions()
            .enable_resources_with(resources)
            .build();
        let name = Implementation::new("llm-router", env!("CARGO_PKG_VERSION"))
            .with_title("llm-router")
            .with_description(env!("CARGO_PKG_DESCRIPTION"));
        let config = ServerConfig::new(capabilities)
            .with_server_info(name)
            .with_instructions(speech::written(INSTRUCTIONS, &offered, &[]).trim_end());
        let updates = Updates::of(&file.path);
        Self { file, read_only, offered, writes: Arc::default(), ended, updates, config }
    }
}

/// The server, as rmcp calls it.
#[derive(Clone)]
pub struct Handler(pub Arc<Shared>);

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        self.0.config.clone()
    }

    async fn discover(&self, _: Context) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info())
            .with_ttl_ms(AN_HOUR)
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_tools(&self, page: Page, _: Context) -> Result<ListToolsResult, ErrorData> {
        only_page(page)?;
        let tools = self.0.offered.iter().map(|entry| tools::tool(entry)).collect();
        Ok(ListToolsResult::with_all_items(tools)
            .with_ttl_ms(AN_HOUR)
            .with_cache_scope(CacheScope::Public))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        tools::call(&self.0, request, &context).await.map(Into::into)
    }

    async fn list_prompts(&self, page: Page, _: Context) -> Result<ListPromptsResult, ErrorData> {
        only_page(page)?;
        Ok(ListPromptsResult::with_all_items(prompts::all())
            .with_ttl_ms(AN_HOUR)
            .with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&self.0, &request).map(Into::into)
    }

    async fn list_resources(
        &self,
        page: Page,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        only_page(page)?;
        Ok(ListResourcesResult::with_all_items(resources::all())
            .with_ttl_ms(AN_HOUR)
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        page: Page,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        only_page(page)?;
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates())
            .with_ttl_ms(AN_HOUR)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&self.0, &request.uri, &context).await.map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: Context,
    ) -> Result<CompleteResult, ErrorData> {
        complete::complete(&self.0, &request).await
    }

    /// Called before the subscription is acknowledged: what changes from then on is told.
    fn accepted_subscription_filter(
        &self,
        wanted: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let wanted = wanted.resource_subscriptions.iter().flatten();
        let accepted: Vec<&String> = wanted.filter(|uri| resources::is_config(uri)).collect();
        if !accepted.is_empty() {
            self.0.updates.begin();
        }
        Some(SubscriptionFilter::builder().resource_subscriptions(accepted).build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut updates = self.0.updates.subscribe();
        let mut ended = self.0.ended.clone();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                _ = ended.wait_for(|ended| *ended) => return Ok(()),
                changed = updates.changed() => if changed.is_err() { return Ok(()) },
            }
            for uri in context.accepted().resource_subscriptions.iter().flatten() {
                if context.sink().notify_resource_updated(uri).await.is_err() {
                    return Ok(());
                }
            }
        }
    }

    // Revisions before 2026-07-28 know nothing else.
    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: Context,
    ) -> Result<(), ErrorData> {
        resources::may_subscribe(&request.uri)?;
        self.0.updates.tell(request.uri, context.peer);
        Ok(())
    }

    // Revisions before 2026-07-28 know nothing else.
    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: Context,
    ) -> Result<(), ErrorData> {
        self.0.updates.tell_no_more(&request.uri);
        Ok(())
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: Context,
    ) -> Result<CustomResult, ErrorData> {
        let method: String = request.method.chars().take(80).collect();
        let message = format!("there is no method `{method}`");
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None))
    }

    async fn on_initialized(&self, _: NotificationContext<RoleServer>) {}
}

/// Lists are short and come whole.
fn only_page(page: Page) -> Result<(), ErrorData> {
    match page.and_then(|page| page.cursor) {
        None => Ok(()),
        Some(_) => {
            let message = "the list has one page only: ask without a cursor";
            Err(ErrorData::invalid_params(message, None))
        }
    }
}
