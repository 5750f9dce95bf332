package standin;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

import org.elasticsearch.Build;
import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.action.admin.indices.create.AutoCreateAction;
import org.elasticsearch.action.admin.indices.create.CreateIndexRequest;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.core.CheckedConsumer;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.index.IndexVersion;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.XContentBuilder;

/** GET /, and _data_stream, which the server can do all of, but has no REST handlers for. */
final class DataStreams {
    private final ClusterService cluster;
    private final Settings settings;

    DataStreams(Plugin.PluginServices services, Settings settings) {
        this.cluster = services.clusterService();
        this.settings = settings;
    }

    List<RestHandler> handlers() {
        List<String> named = List.of("/_data_stream/{name}");
        return List.of(
            Rest.handler("main", RestRequest.Method.GET, List.of("/"), (request, client) -> channel -> Rest.send(channel, RestStatus.OK, this::main)),
            Rest.handler("main_head", RestRequest.Method.HEAD, List.of("/"), (request, client) -> channel -> Rest.send(channel, RestStatus.OK, this::main)),
            Rest.handler("put_data_stream", RestRequest.Method.PUT, named, (request, client) -> create(request.param("name"), client)),
            Rest.handler("delete_data_stream", RestRequest.Method.DELETE, named, (request, client) -> delete(request.param("name"))),
            Rest.handler("get_data_stream", RestRequest.Method.GET, List.of("/_data_stream", "/_data_stream/{name}"), (request, client) -> get(request.param("name", "*")))
        );
    }

    private void main(XContentBuilder b) throws IOException {
        Build build = Build.current();
        b.field("name", cluster.getNodeName()).field("cluster_name", cluster.getClusterName().value());
        b.field("cluster_uuid", cluster.state().metadata().clusterUUID());
        b.startObject("version");
        b.field("number", build.qualifiedVersion()).field("build_flavor", build.flavor()).field("build_type", build.type().displayName());
        b.field("build_hash", build.hash()).field("build_date", build.date()).field("build_snapshot", build.isSnapshot());
        b.field("lucene_version", IndexVersion.current().luceneVersion().toString());
        b.field("minimum_wire_compatibility_version", build.minWireCompatVersion());
        b.field("minimum_index_compatibility_version", build.minIndexCompatVersion());
        b.endObject().field("tagline", "You Know, for Search");
    }

    private CheckedConsumer<RestChannel, Exception> create(String name, NodeClient client) {
        var metadata = Api.metadata(cluster.state());
        String template = MetadataIndexTemplateService.findV2Template(metadata, name, false);
        if (template == null || metadata.templatesV2().get(template).getDataStreamTemplate() == null) {
            throw new IllegalArgumentException("no matching index template found for data stream [" + name + "]");
        }
        if (metadata.dataStreams().containsKey(name)) {
            throw new ResourceAlreadyExistsException("data_stream [" + name + "] already exists");
        }
        return channel -> client.execute(AutoCreateAction.INSTANCE, new CreateIndexRequest(name), new RestToXContentListener<>(channel));
    }

    private CheckedConsumer<RestChannel, Exception> get(String name) {
        return channel -> {
            var metadata = Api.metadata(cluster.state());
            if (name.contains("*") == false && metadata.dataStreams().containsKey(name) == false) {
                throw new IndexNotFoundException(name);
            }
            Rest.send(channel, RestStatus.OK, b -> {
                b.startArray("data_streams");
                for (DataStream d : new TreeMap<>(metadata.dataStreams()).values()) {
                    if (Regex.simpleMatch(name, d.getName())) {
                        describe(b, cluster.state(), d);
                    }
                }
                b.endArray();
            });
        };
    }

    private static void describe(XContentBuilder b, ClusterState state, DataStream d) throws IOException {
        var metadata = Api.metadata(state);
        b.startObject().field("name", d.getName());
        b.startObject("timestamp_field").field("name", "@timestamp").endObject();
        b.startArray("indices");
        for (Index i : d.getIndices()) {
            String policy = policy(metadata.index(i));
            b.startObject().field("index_name", i.getName()).field("index_uuid", i.getUUID());
            b.field("managed_by", policy == null ? "Unmanaged" : "Index Lifecycle Management");
            if (policy != null) {
                b.field("ilm_policy", policy);
            }
            b.endObject();
        }
        b.endArray().field("generation", d.getGeneration()).field("status", "GREEN").field("hidden", d.isHidden());
        b.field("template", MetadataIndexTemplateService.findV2Template(metadata, d.getName(), false));
        String policy = policy(metadata.index(d.getWriteIndex()));
        if (policy != null) {
            b.field("ilm_policy", policy);
        }
        if (d.getDataLifecycle() != null) {
            b.field("lifecycle", d.getDataLifecycle());
        }
        b.startObject("failure_store").field("enabled", d.getDataStreamOptions().failureStore() != null
            && Boolean.TRUE.equals(d.getDataStreamOptions().failureStore().enabled())).endObject();
        b.endObject();
    }

    private static String policy(IndexMetadata index) {
        return index.getSettings().get("index.lifecycle.name");
    }

    private CheckedConsumer<RestChannel, Exception> delete(String name) {
        return channel -> cluster.submitUnbatchedStateUpdateTask("stand-in-delete-data-stream", new ClusterStateUpdateTask() {
            @Override
            public ClusterState execute(ClusterState state) {
                Set<String> names = new HashSet<>();
                Set<Index> indices = new HashSet<>();
                for (DataStream d : Api.metadata(state).dataStreams().values()) {
                    if (Regex.simpleMatch(name, d.getName())) {
                        names.add(d.getName());
                        indices.addAll(d.getIndices());
                    }
                }
                return Api.withoutDataStreams(state, names, indices, settings);
            }

            @Override
            public void onFailure(Exception e) {
                answer(() -> channel.sendResponse(new RestResponse(channel, e)));
            }

            @Override
            public void clusterStateProcessed(ClusterState before, ClusterState after) {
                answer(() -> Rest.acknowledge(channel));
            }
        });
    }

    private interface Sending {
        void run() throws IOException;
    }

    private static void answer(Sending s) {
        try {
            s.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
