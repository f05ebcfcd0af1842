package apiserver

import (
	"k8s.io/client-go/tools/record"
)

// What the library lets pass of Events about one object: by default 25, and then one each
// five minutes. A cluster has some forty things made in its first minutes, and as many
// deleted.
const (
	eventBurst = 300
	eventRate  = 1. / 10
)

// newBroadcaster records Events about an object that has many in a short time.
func newBroadcaster() record.EventBroadcaster {
	return record.NewBroadcasterWithCorrelatorOptions(record.CorrelatorOptions{BurstSize: eventBurst, QPS: eventRate})
}
