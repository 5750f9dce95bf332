package standin;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;

import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.metadata.MetadataDeleteIndexService;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AbstractTokenizerFactory;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.rest.RestHandler;

/** What the stand-in needs of Elasticsearch 9 and has another form in 8 (see standin8): metadata are a project's. */
final class Api {
    private Api() {}

    static ProjectMetadata metadata(ClusterState state) {
        return state.metadata().getDefaultProject();
    }

    static ClusterState withoutDataStreams(ClusterState state, Collection<String> names, Set<Index> indices, Settings settings) {
        ProjectMetadata.Builder metadata = ProjectMetadata.builder(state.metadata().getDefaultProject());
        names.forEach(metadata::removeDataStream);
        ClusterState without = ClusterState.builder(state).putProjectMetadata(metadata).build();
        return MetadataDeleteIndexService.deleteIndices(without.projectState(Metadata.DEFAULT_PROJECT_ID), indices, settings);
    }

    /** A plugin whose REST handlers depend on nothing. */
    interface RestPlugin extends ActionPlugin {
        List<RestHandler> handlers();

        @Override
        default Collection<RestHandler> getRestHandlers(RestHandlersServices services, Supplier<DiscoveryNodes> nodes, Predicate<NodeFeature> features) {
            return handlers();
        }
    }

    abstract static class TokenFilter extends AbstractTokenFilterFactory {
        TokenFilter(String name, Settings s) {
            super(name);
        }
    }

    abstract static class TokenizerFactory extends AbstractTokenizerFactory {
        TokenizerFactory(IndexSettings index, Settings s, String name) {
            super(name);
        }
    }
}
