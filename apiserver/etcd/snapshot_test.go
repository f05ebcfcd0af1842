package etcd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// stored is what a store has below the prefix, and its revision.
func stored(t *testing.T, s *Server) (map[string]string, int64) {
	t.Helper()
	got, err := connect(t, s).Get(t.Context(), "/capa-apiserver/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, kv := range got.Kvs {
		all[string(kv.Key)] = string(kv.Value)
	}
	return all, got.Header.Revision
}

func fill(t *testing.T, s *Server, from, to int) {
	t.Helper()
	client := connect(t, s)
	for i := from; i < to; i++ {
		if _, err := client.Put(t.Context(), fmt.Sprintf("/capa-apiserver/%06d", i), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASnapshotIsRestoredAndWhatCameAfterIsGone(t *testing.T) {
	dir, file := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "file")
	s := start(t, t.Context(), dir)
	fill(t, s, 0, 250)
	if err := Save(t.Context(), dir, file); err != nil { // while it runs
		t.Fatal(err)
	}
	want, _ := stored(t, s)
	fill(t, s, 250, 300)
	_, last := stored(t, s)
	id := s.ID()
	if _, err := Restore(t.Context(), file, dir); err == nil {
		t.Fatal("a store was exchanged under its server")
	} else {
		saysOneLine(t, err.Error(), dir, "end that process first")
	}
	s.Stop()
	kept, err := Restore(t.Context(), file, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(kept, "wal")); err != nil {
		t.Errorf("the store of before isn't kept: %v", err)
	}
	again := start(t, t.Context(), dir)
	defer again.Stop()
	got, revision := stored(t, again)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("restored are %d keys, want %d", len(got), len(want))
	}
	if revision <= last {
		t.Errorf("the revision is %d, and was %d: watchers would miss changes", revision, last)
	}
	if again.ID() == id {
		t.Error("the restored store passes for the one that it was saved from")
	}
	hasAll(t, again, nil)
}

func TestAStoreMovesToAnotherEtcdAndBack(t *testing.T) {
	temp := t.TempDir()
	ours, file, external := filepath.Join(temp, "ours"), filepath.Join(temp, "file"), filepath.Join(temp, "external")
	s := start(t, t.Context(), ours)
	fill(t, s, 0, 250)
	want, _ := stored(t, s)
	s.Stop()
	if err := Save(t.Context(), ours, file); err != nil { // while it doesn't run
		t.Fatal(err)
	}
	other := start(t, t.Context(), external)
	defer other.Stop()
	config := clientv3.Config{Endpoints: []string{other.Endpoint()}}
	if _, err := connect(t, other).Put(t.Context(), "/registry/secrets/other", "somebody's"); err != nil {
		t.Fatal(err)
	}
	if err := SaveExternal(t.Context(), config, "/capa-apiserver", file+"-none"); err == nil || !strings.Contains(err.Error(), "nothing below /capa-apiserver") {
		t.Errorf("an empty etcd was saved: %v", err)
	}
	if err := RestoreExternal(t.Context(), file, config, "/capa-apiserver"); err != nil {
		t.Fatal(err)
	}
	if got, _ := stored(t, other); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the other etcd has %d keys, want %d", len(got), len(want))
	}
	if err := RestoreExternal(t.Context(), file, config, "/capa-apiserver"); err == nil || !strings.Contains(err.Error(), "250 keys") {
		t.Errorf("a store was written over another one: %v", err)
	}
	if err := RestoreExternal(t.Context(), file, config, "/another"); err != nil {
		t.Errorf("below a prefix that has nothing: %v", err)
	}
	if err := SaveExternal(t.Context(), config, "/another", file+"-back"); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), file+"-back", ours+"-back"); err != nil {
		t.Fatal(err)
	}
	back := start(t, t.Context(), ours+"-back")
	defer back.Stop()
	if got, _ := stored(t, back); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("back are %d keys, want %d", len(got), len(want))
	}
	if got, err := connect(t, back).Get(t.Context(), "/registry", clientv3.WithPrefix()); err != nil || got.Count > 0 {
		t.Errorf("somebody else's keys came along: %v %v", got, err)
	}
}

func TestABrokenSnapshotChangesNothing(t *testing.T) {
	dir, file := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "file")
	s := start(t, t.Context(), dir)
	fill(t, s, 0, 10)
	s.Stop()
	if err := Save(t.Context(), dir, file); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 0xff
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), file, dir); err == nil {
		t.Fatal("a broken snapshot was restored")
	} else {
		saysOneLine(t, err.Error(), file, "snapshot save")
	}
	if _, err := Restore(t.Context(), file+"-missing", dir); err == nil {
		t.Fatal("a missing snapshot was restored")
	}
	again := start(t, t.Context(), dir)
	defer again.Stop()
	if got, _ := stored(t, again); len(got) != 10 {
		t.Errorf("%d keys are left of 10", len(got))
	}
}

// TestASnapshotOfAnotherEtcdIsRefused has the host's own, which the same backup may have beside ours.
func TestASnapshotOfAnotherEtcdIsRefused(t *testing.T) {
	temp := t.TempDir()
	dir, host, file := filepath.Join(temp, "data"), filepath.Join(temp, "host"), filepath.Join(temp, "file")
	s := start(t, t.Context(), dir)
	fill(t, s, 0, 10)
	s.Stop()
	other := start(t, t.Context(), host)
	if _, err := connect(t, other).Put(t.Context(), "/registry/secrets/somebody", "keeps this"); err != nil {
		t.Fatal(err)
	}
	other.Stop()
	if err := Save(t.Context(), host, file); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), file, dir); err == nil {
		t.Fatal("the host's store was restored into ours")
	} else {
		saysOneLine(t, err.Error(), file, "nothing below "+Prefix)
	}
	if left, err := filepath.Glob(filepath.Join(dir, restoring+"*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left of it (%v)", left, err)
	}
	again := start(t, t.Context(), dir)
	defer again.Stop()
	if got, _ := stored(t, again); len(got) != 10 {
		t.Errorf("%d keys are left of 10", len(got))
	}
}
