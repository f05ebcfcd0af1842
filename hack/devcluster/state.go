package devcluster

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/process"
)

// record is one started process.
type record struct {
	Name string `json:"name"`
	process.Identity
	// Fingerprint covers the binary, the arguments and the environment: a process is restarted if it changed.
	Fingerprint string    `json:"fingerprint"`
	Command     []string  `json:"command"`
	Log         string    `json:"log"`
	Started     time.Time `json:"started"`
}

// state is what a cluster's folder remembers between commands. It is saved after every change, so that a command
// that is interrupted leaves nothing that "down" doesn't know.
type state struct {
	mu   sync.Mutex
	path string

	// External says that the control plane is somebody else's, given by KUBECONFIG.
	External bool `json:"external"`
	// FirstCluster is the name of the demo's cluster, with which those of further ones begin. Made are the components whose
	// cluster was made: whoever deletes it wants it gone.
	FirstCluster string         `json:"firstCluster,omitempty"`
	Made         []string       `json:"made,omitempty"`
	Ports        map[string]int `json:"ports"`
	Processes    []record       `json:"processes"`
}

func loadState(path string) (*state, error) {
	s := &state{path: path, Ports: map[string]int{}}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the cluster's state: %w", err)
	}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; stop its processes by hand and remove the file", path, err)
	}
	return s, nil
}

// save writes the state; the caller holds the lock.
func (s *state) save() error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return fmt.Errorf("make the cluster's folder: %w", err)
	}
	temporary := s.path + ".new"
	if err := os.WriteFile(temporary, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the cluster's state: %w", err)
	}
	return os.Rename(temporary, s.path)
}

func (s *state) find(name string) (record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	index := slices.IndexFunc(s.Processes, func(r record) bool { return r.Name == name })
	if index < 0 {
		return record{}, false
	}
	return s.Processes[index], true
}

// put remembers a process in place of the one of the same name.
func (s *state) put(r record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Processes = append(slices.DeleteFunc(s.Processes, func(old record) bool { return old.Name == r.Name }), r)
	return s.save()
}

// demonstrate remembers that what components stand for was made.
func (s *state) demonstrate(components ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, component := range components {
		if !slices.Contains(s.Made, component) {
			s.Made = append(s.Made, component)
		}
	}
	return s.save()
}

// demonstrated tells that it was.
func (s *state) demonstrated(component string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.Made, component)
}

// firstCluster chooses the name of the demo's cluster, once. In an AWS of our own it is plain; in one that others use too, it is like
// no other's: names of load balancers are unique in an account, and whoever sees two clusters of one name can't tell them apart.
func (s *state) firstCluster(shared bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.FirstCluster != "" {
		return nil
	}
	s.FirstCluster = quickstartName
	if shared && len(s.Made) == 0 {
		s.FirstCluster += "-" + strings.ToLower(rand.Text()[:5])
	}
	return s.save()
}

// drop forgets a process.
func (s *state) drop(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Processes = slices.DeleteFunc(s.Processes, func(old record) bool { return old.Name == name })
	return s.save()
}

// reservePorts chooses a port for each name that has none yet. A port is kept for the cluster's life, since
// certificates, kubeconfigs and webhook configurations name it.
func (s *state) reservePorts(names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return s.Ports[name] != 0 })
	ports, err := process.FreePorts(len(missing))
	if err != nil {
		return err
	}
	for i, name := range missing {
		s.Ports[name] = ports[i]
	}
	return s.save()
}

func (s *state) port(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Ports[name]
}

func (s *state) ports() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.Ports)
}

func (s *state) processes() []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.Processes)
}
