package awsmachinepool

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
)

// setDesired is what an autoscaler does.
func (w *world) setDesired(name string, n int32) {
	w.T.Helper()
	_, err := w.Session().AutoScaling.SetDesiredCapacity(w.T.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &name, DesiredCapacity: aws.Int32(n)})
	w.Must(err)
}

func otherSecret() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "other"}, Data: map[string][]byte{"value": []byte(testData)}}
}

const time60 = time.Minute

func numberOf(n *int32) string { return strconv.Itoa(int(aws.ToInt32(n))) }

func (w *world) secret(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
}

func (w *world) infra() *infrastructure.Cluster {
	return infrastructure.OfAWSCluster(w.cluster(), testName)
}
