package standin;

import java.io.IOException;
import java.util.List;

import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.core.CheckedConsumer;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentBuilder;

/** REST handlers written as functions. */
final class Rest {
    private Rest() {}

    /** Reads the request at once, and answers afterwards. */
    interface Answer {
        CheckedConsumer<RestChannel, Exception> prepare(RestRequest request, NodeClient client) throws IOException;
    }

    static RestHandler handler(String name, RestRequest.Method method, List<String> paths, Answer answer) {
        return new BaseRestHandler() {
            @Override
            public String getName() {
                return "stand_in_" + name;
            }

            @Override
            public List<Route> routes() {
                return paths.stream().map(p -> new Route(method, p)).toList();
            }

            @Override
            protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
                var prepared = answer.prepare(request, client);
                return prepared::accept;
            }
        };
    }

    /** Sends an object whose fields the function writes. */
    static void send(RestChannel channel, RestStatus status, CheckedConsumer<XContentBuilder, IOException> fields) throws IOException {
        XContentBuilder b = channel.newBuilder();
        b.startObject();
        fields.accept(b);
        b.endObject();
        channel.sendResponse(new RestResponse(status, b));
    }

    static void acknowledge(RestChannel channel) throws IOException {
        send(channel, RestStatus.OK, b -> b.field("acknowledged", true));
    }
}
