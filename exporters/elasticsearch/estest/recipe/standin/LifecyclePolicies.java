package standin;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.core.CheckedFunction;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ilm.DeleteAction;
import org.elasticsearch.xpack.core.ilm.ForceMergeAction;
import org.elasticsearch.xpack.core.ilm.LifecycleAction;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicy;
import org.elasticsearch.xpack.core.ilm.LifecycleSettings;
import org.elasticsearch.xpack.core.ilm.LifecycleType;
import org.elasticsearch.xpack.core.ilm.ReadOnlyAction;
import org.elasticsearch.xpack.core.ilm.RolloverAction;
import org.elasticsearch.xpack.core.ilm.SetPriorityAction;
import org.elasticsearch.xpack.core.ilm.ShrinkAction;
import org.elasticsearch.xpack.core.ilm.TimeseriesLifecycleType;
import org.elasticsearch.xpack.core.ilm.action.PutLifecycleRequest;

/** _ilm/policy: policies are read and validated as in Elasticsearch, and kept in memory. */
final class LifecyclePolicies {
    static final List<Setting<?>> SETTINGS = List.of(
        LifecycleSettings.LIFECYCLE_NAME_SETTING,
        LifecycleSettings.LIFECYCLE_INDEXING_COMPLETE_SETTING,
        RolloverAction.LIFECYCLE_ROLLOVER_ALIAS_SETTING
    );

    static final List<NamedXContentRegistry.Entry> CONTENT = List.of(
        new NamedXContentRegistry.Entry(LifecycleType.class, new ParseField(TimeseriesLifecycleType.TYPE), p -> TimeseriesLifecycleType.INSTANCE),
        action(RolloverAction.NAME, RolloverAction::parse),
        action(DeleteAction.NAME, DeleteAction::parse),
        action(ForceMergeAction.NAME, ForceMergeAction::parse),
        action(ShrinkAction.NAME, ShrinkAction::parse),
        action(ReadOnlyAction.NAME, ReadOnlyAction::parse),
        action(SetPriorityAction.NAME, SetPriorityAction::parse)
    );

    private record Kept(LifecyclePolicy policy, long version) {}

    private final Map<String, Kept> policies = new ConcurrentSkipListMap<>();

    LifecyclePolicies(Plugin.PluginServices services) {}

    private static NamedXContentRegistry.Entry action(String name, CheckedFunction<XContentParser, LifecycleAction, IOException> parse) {
        return new NamedXContentRegistry.Entry(LifecycleAction.class, new ParseField(name), parse);
    }

    List<RestHandler> handlers() {
        List<String> named = List.of("/_ilm/policy/{name}");
        return List.of(
            Rest.handler("put_policy", RestRequest.Method.PUT, named, (request, client) -> {
                put(request);
                return Rest::acknowledge;
            }),
            Rest.handler("delete_policy", RestRequest.Method.DELETE, named, (request, client) -> {
                policies.remove(request.param("name"));
                return Rest::acknowledge;
            }),
            Rest.handler("get_policy", RestRequest.Method.GET, List.of("/_ilm/policy", "/_ilm/policy/{name}"), (request, client) -> {
                String name = request.param("name");
                return channel -> {
                    if (name != null && policies.containsKey(name) == false) {
                        Rest.send(channel, RestStatus.NOT_FOUND, b -> {
                            b.startObject("error").field("type", "resource_not_found_exception");
                            b.field("reason", "Lifecycle policy not found: " + name).endObject().field("status", 404);
                        });
                        return;
                    }
                    Rest.send(channel, RestStatus.OK, b -> {
                        for (var e : policies.entrySet()) {
                            if (name == null || name.equals(e.getKey())) {
                                b.startObject(e.getKey()).field("version", e.getValue().version());
                                b.field("policy", e.getValue().policy()).endObject();
                            }
                        }
                    });
                };
            })
        );
    }

    private void put(RestRequest request) throws IOException {
        String name = request.param("name");
        var factory = new PutLifecycleRequest.Factory() {
            @Override
            public PutLifecycleRequest create(LifecyclePolicy policy) {
                return new PutLifecycleRequest(TimeValue.timeValueSeconds(30), TimeValue.timeValueSeconds(30), policy);
            }

            @Override
            public String getPolicyName() {
                return name;
            }
        };
        LifecyclePolicy policy;
        try (XContentParser parser = request.contentParser()) {
            policy = PutLifecycleRequest.parseRequest(factory, parser).getPolicy();
        }
        LifecyclePolicy.validatePolicyName(name);
        policy.validate();
        policies.merge(name, new Kept(policy, 1), (old, now) -> new Kept(now.policy(), old.version() + 1));
    }
}
