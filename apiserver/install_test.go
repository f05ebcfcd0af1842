package apiserver

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// writes counts the parts in which something is written.
type writes int

func (w *writes) Write(p []byte) (int, error) { *w++; return len(p), nil }

func TestListsAreWrittenItemByItem(t *testing.T) {
	table := NewTable(Kinds()...)
	for _, row := range table.Rows {
		codecs := table.info(row.Group).NegotiatedSerializer
		info, _ := runtime.SerializerInfoForMediaType(codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
		for _, version := range row.Served {
			gv := schema.GroupVersion{Group: row.Group.Name(), Version: version}
			list, err := table.Scheme.New(gv.WithKind(row.Name + "List"))
			if err != nil {
				t.Fatal(err)
			}
			items := make([]runtime.Object, 3)
			for i := range items {
				if items[i], err = table.Scheme.New(gv.WithKind(row.Name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := meta.SetList(list, items); err != nil {
				t.Fatal(err)
			}
			var parts writes
			if err := codecs.EncoderForVersion(info.Serializer, gv).Encode(list, &parts); err != nil || int(parts) < len(items) {
				t.Errorf("a list of %d %s at %s is written in %d parts: %v", len(items), row.Name, version, parts, err)
			}
		}
	}
}
