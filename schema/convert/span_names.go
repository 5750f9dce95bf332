package convert

// The attributes by which frameworks tell of a tool's call, most telling first: where a span has several, those of the
// semantic conventions count.

// spanKinds are attributes with the value that makes a span the call of a tool.
var spanKinds = []struct{ name, tool string }{
	{"gen_ai.operation.name", "execute_tool"},     // semantic conventions for generative AI
	{"mcp.method.name", "tools/call"},             // and for MCP
	{"openinference.span.kind", "TOOL"},           // OpenInference
	{"traceloop.span.kind", "tool"},               // OpenLLMetry
	{"langfuse.observation.type", "tool"},         // Langfuse
	{"langsmith.span.kind", "tool"},               // LangSmith
	{"ai.operationId", "ai.toolCall"},             // Vercel's AI SDK
	{"mlflow.spanType", "TOOL"},                   // MLflow, as JSON text
	{"agentops.span.kind", "tool"},                // AgentOps
	{"genkit:metadata:subtype", "tool"},           // Genkit
	{"spring.ai.kind", "tool_call"},               // Spring AI
	{"gen_ai.operation.name", "execute_function"}, // before 1.30
}

// spanPrefixes begin the names of attributes that only an agent's spans have.
var spanPrefixes = []string{
	"gen_ai.", "mcp.", "openinference.", "traceloop.", "langfuse.", "langsmith.", "ai.telemetry.", "ai.operationId", "mlflow.span",
	"agentops.", "genkit:", "spring.ai.", "gcp.vertex.agent.", "claude_code.",
}

var (
	spanTools = []string{
		"gen_ai.tool.name", "tool.name", "tool_name", "ai.toolCall.name", "traceloop.entity.name", "spring.ai.tool.definition.name",
		"genkit:name", "langfuse.observation.name", "langsmith.trace.name",
	}
	spanCalls = []string{
		"gen_ai.tool.call.id", "tool_call.id", "tool.call_id", "tool_call_id", "ai.toolCall.id", "spring.ai.tool.call.id", "tool_use_id",
		"jsonrpc.request.id",
	}
	spanArguments = []string{
		"gen_ai.tool.call.arguments", "gen_ai.tool.arguments", "gen_ai.tool.input", "tool_arguments", "ai.toolCall.args", "ai.toolCall.input",
		"gcp.vertex.agent.tool_call_args", "spring.ai.tool.call.arguments", "tool.arguments", "langfuse.observation.input",
		"mlflow.spanInputs", "genkit:input", "traceloop.entity.input", "input.value", "tool.parameters", "gen_ai.prompt",
	}
	spanResults = []string{
		"gen_ai.tool.call.result", "gen_ai.tool.result", "gen_ai.tool.output", "tool_response", "ai.toolCall.result", "ai.toolCall.output",
		"gcp.vertex.agent.tool_response", "spring.ai.tool.call.result", "tool.result", "langfuse.observation.output",
		"mlflow.spanOutputs", "genkit:output", "traceloop.entity.output", "output.value", "gen_ai.completion",
	}
	spanSessions = []string{
		"gen_ai.conversation.id", "session.id", "langfuse.session.id", "langsmith.trace.session_id", "langsmith.metadata.thread_id",
		"traceloop.association.properties.session_id", "traceloop.association.properties.thread_id", "ai.telemetry.metadata.sessionId",
		"gcp.vertex.agent.session_id", "mlflow.trace.session", "thread_id", "mcp.session.id",
	}
	spanUsers = []string{
		"user.id", "enduser.id", "langfuse.user.id", "langsmith.metadata.user_id", "traceloop.association.properties.user_id",
		"ai.telemetry.metadata.userId", "mlflow.trace.user",
	}
)
