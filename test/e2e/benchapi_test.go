package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

var benchAPI = flag.Bool("bench-api", false, "compare our API with a CRD of the same schema (make bench-api)")

var hostStore = flag.Bool("host-store", false, "with -bench-api: our server keeps its objects in the host's etcd, not in its own")

var profiles = flag.String("profiles", "", "with -bench-api: where our server's profiles of each measurement are kept")

// What reads and writes may cost, as ratios to a CRD's in the same kube-apiserver.
const (
	mostList     = 1.2
	mostCached   = 1.0
	mostGet      = 1.3
	mostSlowGet  = 1.0
	leastCreates = 0.6
	// mostTrips is how many round trips to AWS a LIST of facts that are too old may take
	// longer than one of fresh facts may: mostList times a CRD's.
	mostTrips = 1.0
)

const (
	lists, gets, blocks = 30, 20000, 10
	// settling is how long what was written may still be told around.
	settling = 10 * time.Second
	// awsTime is how long AWS takes for a listing of instances.
	awsTime = 200 * time.Millisecond
)

// TestReadsAndWritesAgainstCRDs compares our API with a CRD of the same schema in the same
// kube-apiserver: the same objects, of machines that run, read and written by turns.
func TestReadsAndWritesAgainstCRDs(t *testing.T) {
	if !*benchAPI {
		t.Skip("it measures: make bench-api runs it")
	}
	var flags []string
	if *hostStore {
		flags = []string{"--etcd-servers=" + suite.local.EtcdServer, "--etcd-cafile=" + suite.local.EtcdCA,
			"--etcd-certfile=" + suite.local.EtcdClientCert, "--etcd-keyfile=" + suite.local.EtcdClientKey}
	}
	w := newWorld(t, flags...)
	ns, cluster, n := w.namespace(), "bench", *machines
	w.apply(ns, quickStart(cluster))
	ready := w.waitReady(ns, cluster)
	w.serveTwins()
	ours, theirs := w.side(infrav1.GroupName, ns), w.side(twinGroup, ns)

	before := w.heap()
	w.adoptFleet(ns, ready, n)
	w.waitFleet(ns, n)
	time.Sleep(settling)
	after := w.heap()
	if *profiles != "" {
		must(w.t, os.WriteFile(filepath.Join(*profiles, "heap.pprof"), w.profile("heap?gc=1"), 0o600))
	}
	twinsBefore := w.hostHeap()
	w.copyFleet(ns)
	time.Sleep(settling)
	twinsAfter := w.hostHeap()
	t.Logf("memory per object (live heap): %d KiB here, %d KiB as a CRD in kube-apiserver", (after-before)/n/1024, (twinsAfter-twinsBefore)/n/1024)

	hold := w.aws.Faults().Set(emulator.Fault{Operation: "DescribeInstances", Latency: awsTime})
	defer w.aws.Faults().Remove(hold)
	w.compareLists(ours, theirs)
	w.profiled("gets", func() { w.compareGets(ours, theirs) })
	w.profiled("creates", func() { w.compareCreates(ns, ours, theirs) })
}

// profiled keeps a profile of our server's first seconds of a measurement, where asked to.
func (w *world) profiled(name string, measure func()) {
	w.t.Helper()
	var profile []byte
	var done sync.WaitGroup
	if *profiles != "" {
		done.Go(func() { profile = w.profile("profile?seconds=5") })
	}
	measure()
	done.Wait()
	if *profiles != "" {
		must(w.t, os.WriteFile(filepath.Join(*profiles, name+".pprof"), profile, 0o600))
	}
}

// side is one of the two that are compared.
type side struct {
	w      *world
	client *http.Client
	url    string
}

func (w *world) side(group, ns string) side {
	client, err := rest.HTTPClientFor(w.config)
	must(w.t, err)
	return side{w, client, fmt.Sprintf("%s/apis/%s/v2beta1/namespaces/%s/awsmachines", w.config.Host, group, ns)}
}

// get reads a whole answer and says how long it took, how long it is and what AWS was asked.
func (s side) get(path string) (took time.Duration, size int, asked int) {
	s.w.t.Helper()
	before := s.w.calls()
	begin := time.Now()
	response, err := s.client.Get(s.url + path)
	must(s.w.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	took = time.Since(begin)
	must(s.w.t, err)
	if response.StatusCode != http.StatusOK {
		s.w.t.Fatalf("GET %s%s: %s\n%s", s.url, path, response.Status, body)
	}
	return took, len(body), s.w.calls() - before
}

// sample are durations of the same thing.
type sample []time.Duration

func (s sample) quantile(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// judge prints a ratio and fails where it is beyond its limit.
func (w *world) judge(what string, ours, theirs time.Duration, most float64) {
	w.t.Helper()
	ratio := ours.Seconds() / theirs.Seconds()
	w.t.Logf("| %s | %.1f ms | %.1f ms | %.2f | at most %.1f |", what, ms(ours), ms(theirs), ratio, most)
	if ratio > most {
		w.t.Errorf("%s: %.2f times a CRD's, want at most %.1f", what, ratio, most)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (w *world) compareLists(ours, theirs side) {
	w.t.Helper()
	w.profiled("lists", func() {
		w.compareList(ours, theirs, "consistent LIST, fresh facts, p50", "", mostList)
		w.compareOldLists(ours, theirs)
	})
	w.profiled("cached-lists", func() {
		w.compareList(ours, theirs, "LIST with resourceVersion=0, p50", "?resourceVersion=0", mostCached)
	})
}

// compareList compares LISTs of fresh facts.
func (w *world) compareList(ours, theirs side, what, query string, most float64) {
	w.t.Helper()
	var fresh, old, crd sample
	ours.get(query)
	_, twinSize, _ := theirs.get(query)
	size := 0
	for len(fresh) < lists {
		took, bytes, asked := ours.get(query)
		size = bytes
		if asked > 0 {
			old = append(old, took) // a sweep came in between, or facts were too old
			continue
		}
		fresh = append(fresh, took)
		took, _, _ = theirs.get(query)
		crd = append(crd, took)
	}
	w.t.Logf("the answers have %d and %d bytes; %d lists aside, during which AWS was asked", size, twinSize, len(old))
	w.judge(what, fresh.quantile(0.5), crd.quantile(0.5), most)
}

// compareOldLists reads when facts are older than was promised, which they are after a pause. What it is compared
// with, a CRD's LIST and a round trip to AWS, comes after the same pause: whatever comes first then takes longer.
func (w *world) compareOldLists(ours, theirs side) {
	w.t.Helper()
	var old, crd, trips sample
	for len(old) < lists/2 {
		w.waitFacts()
		took, _, asked := ours.get("")
		if asked == 0 {
			continue // a sweep was just before
		}
		old = append(old, took)
		w.waitFacts()
		took, _, _ = theirs.get("")
		crd = append(crd, took)
		w.waitFacts()
		begin := time.Now()
		_, err := w.ec2().DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000)})
		must(w.t, err)
		trips = append(trips, time.Since(begin))
	}
	here, there, trip := old.quantile(0.5), crd.quantile(0.5), trips.quantile(0.5)
	ratio := (here.Seconds() - mostList*there.Seconds()) / trip.Seconds()
	w.t.Logf("| consistent LIST, old facts, p50 | %.1f ms | %.1f ms; one round trip to AWS: %.1f ms | %.2f round trips more than %.1f times a CRD's | at most %.1f |",
		ms(here), ms(there), ms(trip), ratio, mostList, mostTrips)
	if ratio > mostTrips {
		w.t.Errorf("a LIST of old facts takes %.2f round trips to AWS longer than %.1f times a CRD's, want at most %.1f", ratio, mostList, mostTrips)
	}
}

func (w *world) compareGets(ours, theirs side) {
	w.t.Helper()
	var fresh, crd sample
	for i := 0; len(fresh) < gets; i++ {
		name := fmt.Sprintf("/m-%04d", i%*machines)
		took, _, asked := ours.get(name)
		if asked > 0 {
			continue
		}
		fresh = append(fresh, took)
		took, _, _ = theirs.get(name)
		crd = append(crd, took)
	}
	w.judge("GET, fresh facts, p50", fresh.quantile(0.5), crd.quantile(0.5), mostGet)
	w.judge("GET, fresh facts, p99", fresh.quantile(0.99), crd.quantile(0.99), mostSlowGet)
}

// compareCreates creates machines that somebody else manages: what is compared is the
// API, without what a reconciler does for a new object.
func (w *world) compareCreates(ns string, ours, theirs side) {
	w.t.Helper()
	const block = 200
	var rates [2]sample
	spent := [2]map[string]time.Duration{{}, {}}
	for b := range blocks {
		for i, s := range []side{ours, theirs} {
			begin, before := time.Now(), w.processorTimes()
			s.createMany(ns, fmt.Sprintf("new-%d", b), block)
			rates[i] = append(rates[i], time.Since(begin)/block)
			for name, cpu := range w.processorTimes() {
				spent[i][name] += cpu - before[name]
			}
		}
	}
	for i, name := range []string{"here", "as a CRD"} {
		w.t.Logf("processor time of a create %s: %s", name, each(spent[i], blocks*block))
	}
	here, there := rates[0].quantile(0.5), rates[1].quantile(0.5)
	ratio := there.Seconds() / here.Seconds()
	w.t.Logf("| creates, with validation and webhooks, against none | %.0f a second | %.0f a second | %.2f | at least %.1f |", 1/here.Seconds(), 1/there.Seconds(), ratio, leastCreates)
	if ratio < leastCreates {
		w.t.Errorf("creates: %.2f of a CRD's rate, want at least %.1f", ratio, leastCreates)
	}
}

// each says what one of n took of the processors, in all and by process.
func each(spent map[string]time.Duration, n int) string {
	var all time.Duration
	var by []string
	for _, name := range slices.Sorted(maps.Keys(spent)) {
		all += spent[name]
		by = append(by, fmt.Sprintf("%s %.2f", name, ms(spent[name])/float64(n)))
	}
	return fmt.Sprintf("%.2f ms (%s)", ms(all)/float64(n), strings.Join(by, ", "))
}

func (s side) createMany(ns, prefix string, n int) {
	s.w.t.Helper()
	apiVersion := strings.Join(strings.Split(strings.TrimPrefix(s.url, s.w.config.Host), "/")[2:4], "/")
	names := make(chan string)
	var all sync.WaitGroup
	for range creators {
		all.Go(func() {
			for name := range names {
				body, err := json.Marshal(map[string]any{
					"apiVersion": apiVersion, "kind": "AWSMachine",
					"metadata": map[string]any{"namespace": ns, "name": name, "annotations": map[string]any{clusterv1.ManagedByAnnotation: "bench"}},
					"spec":     map[string]any{"instanceType": "t3.large", "iamInstanceProfile": "nodes.cluster-api-provider-aws.sigs.k8s.io", "sshKeyName": "default"},
				})
				if err == nil {
					err = s.post(body)
				}
				if err != nil {
					s.w.t.Error(err)
				}
			}
		})
	}
	for i := range n {
		names <- fmt.Sprintf("%s-%d", prefix, i)
	}
	close(names)
	all.Wait()
}

func (s side) post(body []byte) error {
	response, err := s.client.Post(s.url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusCreated {
		err = fmt.Errorf("POST %s: %s: %s", s.url, response.Status, text)
	}
	return err
}

// adoptFleet makes machines of instances that run already, as after a move: that takes
// no launches, which AWS lets through two a second.
func (w *world) adoptFleet(ns string, cluster *infrav1.AWSCluster, n int) {
	w.t.Helper()
	client, subnet := w.ec2(), ""
	for _, s := range cluster.Spec.Network.Subnets {
		if !s.IsPublic {
			subnet = s.ResourceID
		}
	}
	images, err := client.DescribeImages(context.Background(), &ec2.DescribeImagesInput{Filters: []ec2types.Filter{{Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	must(w.t, err)
	groups := []string{cluster.Status.NetworkStatus.SecurityGroups["node"].ID, cluster.Status.NetworkStatus.SecurityGroups["lb"].ID}
	names := make(chan string)
	var all sync.WaitGroup
	for range creators {
		all.Go(func() {
			for name := range names {
				if err := w.adopt(ns, cluster.Name, name, client, images.Images[0].ImageId, subnet, groups); err != nil {
					w.t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	for i := range n {
		names <- fmt.Sprintf("m-%04d", i)
	}
	close(names)
	all.Wait()
	if w.t.Failed() {
		w.t.FailNow()
	}
}

func (w *world) adopt(ns, cluster, name string, client *ec2.Client, image *string, subnet string, groups []string) error {
	ctx := context.Background()
	tag := func(key, value string) ec2types.Tag { return ec2types.Tag{Key: &key, Value: &value} }
	out, err := client.RunInstances(ctx, &ec2.RunInstancesInput{
		ImageId: image, InstanceType: "t3.large", MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &subnet, SecurityGroupIds: groups,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{
			tag("Name", name), tag("sigs.k8s.io/cluster-api-provider-aws/cluster/"+cluster, "owned"), tag("sigs.k8s.io/cluster-api-provider-aws/role", "node")}}},
	})
	if err != nil {
		return err
	}
	instance := out.Instances[0]
	for _, o := range fleetMachine(ns, cluster, name) {
		if m, ok := o.(*infrav1.AWSMachine); ok {
			m.Spec.InstanceID = instance.InstanceId
			m.Spec.ProviderID = aws.String(fmt.Sprintf("aws:///%s/%s", aws.ToString(instance.Placement.AvailabilityZone), aws.ToString(instance.InstanceId)))
		}
		if err := w.client.Create(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) dynamic() dynamic.Interface {
	client, err := dynamic.NewForConfig(w.config)
	must(w.t, err)
	return client
}

// copyFleet makes a twin of each machine.
func (w *world) copyFleet(ns string) {
	w.t.Helper()
	ctx, client := context.Background(), w.dynamic()
	list, err := client.Resource(infrav1.SchemeGroupVersion.WithResource("awsmachines")).Namespace(ns).List(ctx, metav1.ListOptions{})
	must(w.t, err)
	api := client.Resource(twins).Namespace(ns)
	objects := make(chan *unstructured.Unstructured)
	var all sync.WaitGroup
	for range creators {
		all.Go(func() {
			for o := range objects {
				copied := twin(o)
				created, err := api.Create(ctx, copied, metav1.CreateOptions{})
				if err == nil {
					copied.SetResourceVersion(created.GetResourceVersion())
					created, err = api.UpdateStatus(ctx, copied, metav1.UpdateOptions{})
				}
				for err == nil && pad(created, o) {
					created, err = api.Update(ctx, created, metav1.UpdateOptions{})
				}
				if err != nil {
					w.t.Errorf("twin of %s: %v", o.GetName(), err)
				}
			}
		})
	}
	for i := range list.Items {
		objects <- &list.Items[i]
	}
	close(objects)
	all.Wait()
}

var heapAlloc = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`)

// heap is our server's live heap, after a collection.
func (w *world) heap() int {
	w.t.Helper()
	return w.number(heapAlloc, w.profile("heap?gc=1&debug=1"))
}

var heapLive = regexp.MustCompile(`(?m)^go_gc_heap_live_bytes (\S+)$`)

// hostHeap is the live heap of kube-apiserver at its latest collection.
func (w *world) hostHeap() int {
	w.t.Helper()
	return w.number(heapLive, w.fetch(w.config, w.config.Host+"/metrics"))
}

func (w *world) number(pattern *regexp.Regexp, text []byte) int {
	w.t.Helper()
	found := pattern.FindSubmatch(text)
	if found == nil {
		w.t.Logf("nothing is told of %s", pattern)
		return 0
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	must(w.t, err)
	return int(n)
}

// profile asks our server for a profile of itself.
func (w *world) profile(what string) []byte {
	w.t.Helper()
	config := rest.CopyConfig(w.config)
	config.Insecure, config.CAData, config.CAFile = true, nil, ""
	return w.fetch(config, fmt.Sprintf("https://127.0.0.1:%d/debug/pprof/%s", w.port, what))
}

func (w *world) fetch(config *rest.Config, url string) []byte {
	w.t.Helper()
	client, err := rest.HTTPClientFor(config)
	must(w.t, err)
	response, err := client.Get(url)
	must(w.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(w.t, err)
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %s: %s", url, response.Status, body)
	}
	return body
}
