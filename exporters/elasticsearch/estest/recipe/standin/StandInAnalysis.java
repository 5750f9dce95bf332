package standin;

import java.io.Reader;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;

import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.charfilter.MappingCharFilter;
import org.apache.lucene.analysis.charfilter.NormalizeCharMap;
import org.apache.lucene.analysis.core.KeywordTokenizer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.miscellaneous.TruncateTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.pattern.PatternTokenizer;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractCharFilterFactory;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;
import org.elasticsearch.index.analysis.PreConfiguredTokenizer;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/** The parts of Elasticsearch's module analysis-common that the index of API keys and our own mapping name. */
abstract class StandInAnalysis extends Plugin implements AnalysisPlugin {

    @Override
    public Map<String, AnalysisProvider<CharFilterFactory>> getCharFilters() {
        return Map.of("mapping", AnalysisPlugin.requiresAnalysisSettings((index, env, name, s) -> mapping(name, s)));
    }

    private static CharFilterFactory mapping(String name, Settings s) {
        var map = new NormalizeCharMap.Builder();
        for (String rule : s.getAsList("mappings")) {
            String[] sides = rule.split("=>");
            map.add(sides[0].trim(), sides[1].trim());
        }
        NormalizeCharMap built = map.build();
        return new AbstractCharFilterFactory(name) {
            @Override
            public Reader create(Reader in) {
                return new MappingCharFilter(built, in);
            }
        };
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "unique", (index, env, name, s) -> filter(name, s, RemoveDuplicatesTokenFilter::new),
            "truncate", AnalysisPlugin.requiresAnalysisSettings((index, env, name, s) -> {
                int length = s.getAsInt("length", 10);
                return filter(name, s, in -> new TruncateTokenFilter(in, length));
            }),
            "pattern_capture", AnalysisPlugin.requiresAnalysisSettings((index, env, name, s) -> {
                boolean keep = s.getAsBoolean("preserve_original", true);
                Pattern[] patterns = s.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
                return filter(name, s, in -> new PatternCaptureGroupTokenFilter(in, keep, patterns));
            })
        );
    }

    private static TokenFilterFactory filter(String name, Settings s, Function<TokenStream, TokenStream> make) {
        return new Api.TokenFilter(name, s) {
            @Override
            public TokenStream create(TokenStream in) {
                return make.apply(in);
            }
        };
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of(
            "keyword", (index, env, name, s) -> tokenizer(index, s, name, KeywordTokenizer::new),
            "uax_url_email", (index, env, name, s) -> tokenizer(index, s, name, UAX29URLEmailTokenizer::new),
            "pattern", (index, env, name, s) -> {
                Pattern separator = Pattern.compile(s.get("pattern", "\\W+"));
                int group = s.getAsInt("group", -1);
                return tokenizer(index, s, name, () -> new PatternTokenizer(separator, group));
            }
        );
    }

    private static TokenizerFactory tokenizer(IndexSettings index, Settings s, String name, Supplier<Tokenizer> make) {
        return new Api.TokenizerFactory(index, s, name) {
            @Override
            public Tokenizer create() {
                return make.get();
            }
        };
    }

    @Override
    public List<PreConfiguredTokenizer> getPreConfiguredTokenizers() {
        return List.of(
            PreConfiguredTokenizer.singleton("keyword", KeywordTokenizer::new),
            PreConfiguredTokenizer.singleton("uax_url_email", UAX29URLEmailTokenizer::new)
        );
    }

    @Override
    public List<PreConfiguredTokenFilter> getPreConfiguredTokenFilters() {
        return List.of(PreConfiguredTokenFilter.singleton("unique", false, RemoveDuplicatesTokenFilter::new));
    }
}
