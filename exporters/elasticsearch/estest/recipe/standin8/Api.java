package standin;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;

import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.metadata.MetadataDeleteIndexService;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AbstractTokenizerFactory;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;

/** What the stand-in needs of Elasticsearch 8 and has another form in 9 (see standin9). */
final class Api {
    private Api() {}

    static Metadata metadata(ClusterState state) {
        return state.metadata();
    }

    static ClusterState withoutDataStreams(ClusterState state, Collection<String> names, Set<Index> indices, Settings settings) {
        Metadata.Builder metadata = Metadata.builder(state.metadata());
        names.forEach(metadata::removeDataStream);
        return MetadataDeleteIndexService.deleteIndices(ClusterState.builder(state).metadata(metadata).build(), indices, settings);
    }

    /** A plugin whose REST handlers depend on nothing. */
    interface RestPlugin extends ActionPlugin {
        List<RestHandler> handlers();

        @Override
        default Collection<RestHandler> getRestHandlers(Settings s, NamedWriteableRegistry w, RestController c, ClusterSettings cs, IndexScopedSettings is,
            SettingsFilter f, IndexNameExpressionResolver r, Supplier<DiscoveryNodes> nodes, Predicate<NodeFeature> features) {
            return handlers();
        }
    }

    abstract static class TokenFilter extends AbstractTokenFilterFactory {
        TokenFilter(String name, Settings s) {
            super(name, s);
        }
    }

    abstract static class TokenizerFactory extends AbstractTokenizerFactory {
        TokenizerFactory(IndexSettings index, Settings s, String name) {
            super(index, s, name);
        }
    }
}
