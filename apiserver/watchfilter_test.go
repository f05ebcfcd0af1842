package apiserver

import (
	"strings"
	"testing"
)

func TestWatchFiltersAreLabelsAndNameALease(t *testing.T) {
	for _, c := range []struct {
		filter string
		elect  bool
		refuse string
	}{
		{filter: ""},
		{filter: "", elect: true},
		{filter: "team-a", elect: true},
		{filter: "Team_A"},
		{filter: "Team_A", elect: true, refuse: "lower-case"},
		{filter: "team_a", elect: true, refuse: "lower-case"},
		{filter: "team/a", refuse: "must be a value of the label"},
	} {
		o := NewOptions(NewTable(Kinds()...))
		o.WatchFilter, o.LeaderElect = c.filter, c.elect
		o.Recommended.Etcd.StorageConfig.Transport.ServerList = []string{"https://127.0.0.1:2379"}
		text := ""
		if err := o.Validate(); err != nil {
			text = err.Error()
		}
		if refused := strings.Contains(text, "--watch-filter"); refused != (c.refuse != "") || !strings.Contains(text, c.refuse) {
			t.Errorf("--watch-filter=%q --leader-elect=%t: %q; want %q", c.filter, c.elect, text, c.refuse)
		}
	}
}
