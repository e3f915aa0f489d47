package stack_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"tianguis.example/stack"
)

// TestKubernetes reads the manifests with Kubernetes' own types, which know every field by name, and looks at what they say of
// one another.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(root, "deploy", "kubernetes", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)

	configs := map[string]map[string]string{}
	scraped := map[string]string{}             // the port at which Prometheus finds the pods of a Deployment
	labelled := map[string]map[string]string{} // the pods of a Deployment, by its name
	pods := map[string]corev1.PodSpec{}
	claims := map[string][]corev1.PersistentVolumeAccessMode{}
	var selectors []map[string]string
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, document := range bytes.Split(content, []byte("\n---\n")) {
			var kind metav1.TypeMeta
			require.NoError(t, yaml.Unmarshal(document, &kind), file)
			decode := func(into metav1.Object) string {
				require.NoError(t, yaml.UnmarshalStrict(document, into), file)
				if kind.Kind != "Namespace" {
					require.Equal(t, "tianguis", into.GetNamespace(), "%s: %s", file, into.GetName())
				}
				return into.GetName()
			}
			switch kind.APIVersion + " " + kind.Kind {
			case "v1 Namespace":
				require.Equal(t, "tianguis", decode(&corev1.Namespace{}))
			case "v1 ConfigMap":
				var config corev1.ConfigMap
				configs[decode(&config)] = config.Data
			case "v1 PersistentVolumeClaim":
				var claim corev1.PersistentVolumeClaim
				claims[decode(&claim)] = claim.Spec.AccessModes
			case "batch/v1 Job":
				var job batchv1.Job
				pods[decode(&job)] = job.Spec.Template.Spec
			case "apps/v1 Deployment":
				var deployment appsv1.Deployment
				name := decode(&deployment)
				pods[name], labelled[name] = deployment.Spec.Template.Spec, deployment.Spec.Template.Labels
				require.Equal(t, deployment.Spec.Selector.MatchLabels, deployment.Spec.Template.Labels, name)
				require.Equal(t, "true", deployment.Spec.Template.Annotations["prometheus.io/scrape"], name)
				scraped[name] = deployment.Spec.Template.Annotations["prometheus.io/port"]
			case "v1 Service":
				var service corev1.Service
				decode(&service)
				selectors = append(selectors, service.Spec.Selector)
			case "policy/v1 PodDisruptionBudget":
				var budget policyv1.PodDisruptionBudget
				decode(&budget)
				selectors = append(selectors, budget.Spec.Selector.MatchLabels)
			case "networking.k8s.io/v1 NetworkPolicy":
				var policy networkingv1.NetworkPolicy
				if decode(&policy) != "nobody" {
					selectors = append(selectors, policy.Spec.PodSelector.MatchLabels)
				}
			case "networking.k8s.io/v1 Ingress":
				var ingress networkingv1.Ingress
				decode(&ingress)
				require.Equal(t, "web", ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name)
			default:
				t.Errorf("%s: %s %s is not looked at", file, kind.APIVersion, kind.Kind)
			}
		}
	}
	require.Len(t, labelled, 2)
	require.Len(t, scraped, 2)
	for _, selector := range selectors {
		require.Equal(t, labelled[selector["app"]], selector, "it selects nobody")
	}
	for name, pod := range pods {
		require.True(t, *pod.SecurityContext.RunAsNonRoot, name)
		container := pod.Containers[0]
		require.True(t, *container.SecurityContext.ReadOnlyRootFilesystem, name)
		config := configs[container.EnvFrom[0].ConfigMapRef.Name]
		require.NotNil(t, config, name)
		if port := scraped[name]; port != "" {
			require.Equal(t, "0.0.0.0:"+port, config["METRICS_LISTEN"], name)
			require.Equal(t, "metrics:"+port, container.Ports[1].Name+":"+strconv.Itoa(int(container.Ports[1].ContainerPort)), name)
		}
		require.Equal(t, "/secrets", container.VolumeMounts[0].MountPath, name)
		for _, volume := range pod.Volumes {
			if claim := volume.PersistentVolumeClaim; claim != nil {
				require.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, claims[claim.ClaimName], "%s: its replicas share %s", name, claim.ClaimName)
			}
		}
	}
	web := pods["web"].Containers[0]
	require.Equal(t, "/state/uploads", configs["web"]["UPLOADS_DIR"])
	require.Contains(t, web.VolumeMounts, corev1.VolumeMount{Name: "uploads", MountPath: "/state"})
}
