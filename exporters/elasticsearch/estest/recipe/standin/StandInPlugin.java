package standin;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.mapper.KeywordFieldMapper;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.NumberFieldMapper;
import org.elasticsearch.index.mapper.TextFieldMapper;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.xcontent.NamedXContentRegistry;

/**
 * Stands in for the modules of Elasticsearch that are not published by themselves, so that tests can say to the test
 * distribution what they would say to a whole server: GET /, data streams by name, lifecycle policies, the field types
 * wildcard, match_only_text, constant_keyword and scaled_float, and the analysis that API keys and our mapping need.
 * Lifecycle policies are read and checked by Elastic's own code, kept in memory, and not carried out.
 */
public class StandInPlugin extends StandInAnalysis implements Api.RestPlugin, MapperPlugin {
    private final Settings settings;
    private PluginServices services;

    public StandInPlugin(Settings settings) {
        this.settings = settings;
    }

    @Override
    public Collection<?> createComponents(PluginServices s) {
        services = s;
        return List.of();
    }

    @Override
    public List<Setting<?>> getSettings() {
        return LifecyclePolicies.SETTINGS;
    }

    @Override
    public List<NamedXContentRegistry.Entry> getNamedXContent() {
        return LifecyclePolicies.CONTENT;
    }

    @Override
    public List<RestHandler> handlers() {
        var handlers = new ArrayList<RestHandler>(new LifecyclePolicies(services).handlers());
        handlers.addAll(new DataStreams(services, settings).handlers());
        return handlers;
    }

    /** GET _mapping shows the stand-in's type: text, keyword, double. */
    @Override
    public Map<String, Mapper.TypeParser> getMappers() {
        Map<String, Mapper.TypeParser> types = new LinkedHashMap<>();
        types.put("match_only_text", TextFieldMapper.PARSER); // as it is: only such a parser is let into multi-fields
        types.put("constant_keyword", without(KeywordFieldMapper.PARSER, "value"));
        types.put("scaled_float", without(NumberFieldMapper.NumberType.DOUBLE.parser(), "scaling_factor"));
        // The real wildcard takes values of any length; a keyword refuses the whole document beyond 32,766 bytes.
        types.put("wildcard", (name, node, context) -> {
            node.putIfAbsent("ignore_above", 8191);
            return KeywordFieldMapper.PARSER.parse(name, node, context);
        });
        return types;
    }

    private static Mapper.TypeParser without(Mapper.TypeParser parser, String... unknown) {
        return (name, node, context) -> {
            for (String parameter : unknown) {
                node.remove(parameter);
            }
            return parser.parse(name, node, context);
        };
    }
}
