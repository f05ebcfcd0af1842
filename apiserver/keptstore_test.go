package apiserver

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage/storagebackend"

	"github.com/capa-apiserver/capa-apiserver/apiserver/etcd"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// keepStore is given once for each release: the file is never written again.
var keepStore = flag.String("keep-store", "", "write a store with an object of each kind to testdata/stores/VERSION.db.gz")

// TestStoresOfEarlierReleasesAreRead starts with what earlier releases stored: every object is
// found where a server looks for it, is known, says the same, and is served at every version of its kind.
func TestStoresOfEarlierReleasesAreRead(t *testing.T) {
	if *keepStore != "" {
		keep(t, *keepStore)
	}
	files, err := filepath.Glob("testdata/stores/*.db.gz")
	if err != nil || len(files) == 0 {
		t.Fatal("no store of an earlier release is here", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".db.gz"), func(t *testing.T) { readStore(t, file) })
	}
}

func readStore(t *testing.T, file string) {
	table := NewTable(Kinds()...)
	strict := serializer.NewCodecFactory(table.Scheme, serializer.EnableStrict).UniversalDecoder()
	info, _ := runtime.SerializerInfoForMediaType(table.Codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	seen := map[string]bool{}
	server, client := unpackStore(t, file)
	stored, found := contents(t, client), 0
	for _, row := range table.Rows {
		found += served(t, server, table, row.Kind)
	}
	if found != len(stored) {
		t.Errorf("of %d objects a server finds %d", len(stored), found)
	}
	for key, value := range stored {
		object, kind, err := strict.Decode([]byte(value), nil, nil)
		if err != nil {
			t.Errorf("%s can't be read: %v", key, err)
			continue
		}
		seen[kind.Kind] = true
		again, err := runtime.Encode(table.storageCodec(), object)
		if err != nil || !keeps(t, value, string(again)) {
			t.Errorf("%s was\n%s\nand is\n%s (%v)", key, value, again, err)
		}
		for _, row := range table.Rows {
			if row.Name != kind.Kind {
				continue
			}
			for _, version := range row.Served {
				gv := row.Group.Hub.GroupVersion
				gv.Version = version
				if _, err := runtime.Encode(table.Codecs.EncoderForVersion(info.Serializer, gv), object); err != nil {
					t.Errorf("%s isn't served at %s: %v", key, version, err)
				}
			}
		}
	}
	if len(seen) < 19 {
		t.Errorf("it has only %d kinds", len(seen))
	}
}

// layout is where a server keeps what.
func layout(table *Table) *genericoptions.SimpleStorageFactory {
	return &genericoptions.SimpleStorageFactory{StorageConfig: *storagebackend.NewDefaultConfig(etcd.Prefix, table.storageCodec())}
}

// served is how many objects of a kind a server has that starts with the store.
func served(t *testing.T, server *etcd.Server, table *Table, kind generic.Kind) int {
	t.Helper()
	resource := kind.GroupResource()
	config, err := layout(table).NewConfig(resource, kind.New())
	if err != nil {
		t.Fatal(err)
	}
	config.Transport.ServerList = []string{server.Endpoint()}
	store, _, err := generic.NewREST(table.Scheme, kind, genericregistry.RESTOptions{StorageConfig: config, ResourcePrefix: layout(table).ResourcePrefix(resource),
		Decorator: genericregistry.UndecoratedStorage}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Destroy()
	list, err := store.List(genericapirequest.WithNamespace(t.Context(), metav1.NamespaceAll), &metainternalversion.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return meta.LenList(list)
}

// keeps tells whether all that one text says is in another one, which may say more: defaults
// that came later.
func keeps(t *testing.T, was, is string) bool {
	t.Helper()
	var before, after any
	if err := errors.Join(json.Unmarshal([]byte(was), &before), json.Unmarshal([]byte(is), &after)); err != nil {
		t.Fatal(err)
	}
	return saidIn(before, after)
}

func saidIn(part, whole any) bool {
	switch part := part.(type) {
	case map[string]any:
		whole, ok := whole.(map[string]any)
		for name, value := range part {
			ok = ok && saidIn(value, whole[name])
		}
		return ok
	case []any:
		whole, ok := whole.([]any)
		ok = ok && len(part) == len(whole)
		for i := range part {
			ok = ok && saidIn(part[i], whole[i])
		}
		return ok
	}
	return part == whole
}

// unpackStore restores the file as users do, and starts with it.
func unpackStore(t *testing.T, file string) (*etcd.Server, *clientv3.Client) {
	t.Helper()
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	zipped, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	content, err := io.ReadAll(zipped)
	if err := errors.Join(err, os.WriteFile(snapshot, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := etcd.Restore(t.Context(), snapshot, dir); err != nil {
		t.Fatal(err)
	}
	server, client := runStore(t, dir)
	t.Cleanup(server.Stop)
	return server, client
}

// contents are all objects, by their keys.
func contents(t *testing.T, client *clientv3.Client) map[string]string {
	t.Helper()
	got, err := client.Get(t.Context(), etcd.Prefix+"/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, kv := range got.Kvs {
		all[string(kv.Key)] = string(kv.Value)
	}
	return all
}

func runStore(t *testing.T, dir string) (*etcd.Server, *clientv3.Client) {
	t.Helper()
	server, err := etcd.Start(t.Context(), etcd.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{server.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

// keep stores the valid manifests of all groups, as this release does.
func keep(t *testing.T, version string) {
	t.Helper()
	table, dir := NewTable(Kinds()...), filepath.Join(t.TempDir(), "data")
	server, client := runStore(t, dir)
	files, err := filepath.Glob("../apis/*/validation/testdata/valid/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), len(text))
		for j := 0; ; j++ {
			var raw runtime.RawExtension
			if err := documents.Decode(&raw); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			object, kind, err := table.Codecs.UniversalDecoder().Decode(raw.Raw, nil, nil)
			if err != nil {
				continue // a kind of somebody else
			}
			m, err := meta.Accessor(object)
			if err != nil {
				t.Fatal(err)
			}
			m.SetUID(types.UID(fmt.Sprintf("00000000-0000-4000-8000-%06d%06d", i, j)))
			m.SetName(fmt.Sprintf("%d-%d", i, j))
			m.SetCreationTimestamp(metav1.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			store(t, client, table, kind.Kind, object)
			kept[kind.Kind] = true
		}
	}
	for _, row := range table.Rows { // those of which there is no manifest
		if kept[row.Name] {
			continue
		}
		empty := row.New()
		m, err := meta.Accessor(empty)
		if err != nil {
			t.Fatal(err)
		}
		m.SetName("empty")
		store(t, client, table, row.Name, empty)
	}
	server.Stop()
	snapshot := filepath.Join(t.TempDir(), "snapshot")
	if err := etcd.Save(t.Context(), dir, snapshot); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	_, err = zipped.Write(content)
	file := filepath.Join("testdata/stores", version+".db.gz")
	if _, found := os.Stat(file); found == nil {
		t.Fatalf("%s is kept already, and stays as it is", file)
	}
	if err := errors.Join(err, zipped.Close(), os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, packed.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kinds of %d have manifests, %d KiB", len(kept), len(table.Rows), packed.Len()>>10)
}

// store puts an object where a server keeps it.
func store(t *testing.T, client *clientv3.Client, table *Table, kind string, object runtime.Object) {
	t.Helper()
	row := table.Rows[slices.IndexFunc(table.Rows, func(row Row) bool { return row.Name == kind })]
	m, err := meta.Accessor(object)
	if err != nil {
		t.Fatal(err)
	}
	if row.Namespaced {
		m.SetNamespace("default")
	}
	text, err := runtime.Encode(table.storageCodec(), object)
	if err != nil {
		t.Fatal(err)
	}
	key := path.Join(etcd.Prefix, layout(table).ResourcePrefix(row.GroupResource()), m.GetNamespace(), m.GetName())
	if _, err := client.Put(t.Context(), key, string(text)); err != nil {
		t.Fatal(err)
	}
}
