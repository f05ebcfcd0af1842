package devcluster

import (
	"path/filepath"
	"testing"
)

func TestThatTheDemoRanIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	s, err := loadState(path)
	if err != nil || s.Demonstrated {
		t.Fatalf("a new cluster has %+v, %v", s, err)
	}
	if err := s.demonstrate(); err != nil {
		t.Fatal(err)
	}
	if s, err = loadState(path); err != nil || !s.Demonstrated {
		t.Errorf("after the demo it is %+v, %v: a cluster that was deleted would be made again", s, err)
	}
}
