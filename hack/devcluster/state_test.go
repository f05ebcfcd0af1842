package devcluster

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestThatTheDemoRanIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	s, err := loadState(path)
	if err != nil || s.demonstrated(demo) {
		t.Fatalf("a new cluster has %+v, %v", s, err)
	}
	if err := s.demonstrate(demo); err != nil {
		t.Fatal(err)
	}
	if s, err = loadState(path); err != nil || !s.demonstrated(demo) {
		t.Errorf("after the demo it is %+v, %v: a cluster that was deleted would be made again", s, err)
	}
}

func TestFirstClustersInOneAccountHaveNamesOfTheirOwn(t *testing.T) {
	names := map[string]bool{}
	for _, shared := range []bool{false, true, true} {
		path := filepath.Join(t.TempDir(), "state.json")
		s, err := loadState(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.firstCluster(shared); err != nil {
			t.Fatal(err)
		}
		name := s.FirstCluster
		if plain := name == quickstartName; plain == shared || !strings.HasPrefix(name, quickstartName) {
			t.Errorf("in an account that is shared (%v) it is called %s", shared, name)
		}
		if s, err = loadState(path); err != nil || s.firstCluster(!shared) != nil || s.FirstCluster != name {
			t.Errorf("the next start calls it %s, not %s: %v", s.FirstCluster, name, err)
		}
		names[name] = true
	}
	if len(names) != 3 {
		t.Errorf("the names are %v", names)
	}
}
