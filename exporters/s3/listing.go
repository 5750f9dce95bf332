package s3

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/agentaudit/agentaudit/exporters/archive"
)

// listing puts the versions of a folder together, page by page.
type listing struct {
	prefix string
	names  map[string]*versions
}

// versions are those of one key.
type versions struct {
	archive.Listed
	first time.Time // when the first version was made
	count int
}

func newListing(prefix string) *listing {
	return &listing{prefix: prefix, names: make(map[string]*versions)}
}

func (l *listing) at(key *string) *versions {
	name := strings.TrimPrefix(aws.ToString(key), l.prefix)
	v := l.names[name]
	if v == nil {
		v = &versions{Listed: archive.Listed{Name: name}}
		l.names[name] = v
	}
	return v
}

// add takes in a page. Versions of a key come newest first; of two that were made in the same second, the later in the
// listing is the older one.
func (l *listing) add(page *s3.ListObjectVersionsOutput) {
	for _, p := range page.CommonPrefixes {
		v := l.at(aws.String(strings.TrimSuffix(aws.ToString(p.Prefix), "/")))
		v.Dir, v.count = true, 1
	}
	for _, o := range page.Versions {
		v, made := l.at(o.Key), aws.ToTime(o.LastModified)
		if v.count++; v.count == 1 || !made.After(v.first) {
			v.first, v.Version, v.Size = made, aws.ToString(o.VersionId), aws.ToInt64(o.Size)
		}
	}
	for _, m := range page.DeleteMarkers {
		if v := l.at(m.Key); aws.ToBool(m.IsLatest) {
			v.Hidden = true
		}
	}
}

// files are the files and folders, in order. A key of which only delete markers are left is none: its time had come.
func (l *listing) files() []archive.Listed {
	var all []archive.Listed
	for name, v := range l.names {
		if v.count == 0 || name == "" {
			continue
		}
		v.Replaced = max(0, v.count-1)
		if v.Dir {
			v.Replaced = 0
		}
		all = append(all, v.Listed)
	}
	slices.SortFunc(all, func(a, b archive.Listed) int { return strings.Compare(a.Name, b.Name) })
	return all
}
