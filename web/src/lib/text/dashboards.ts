// Words of this area: [English, French].
export const dashboards = {
  findDashboard: ["Find a dashboard", "Chercher un tableau de bord"],
  noDashboards: ["No dashboards yet", "Pas encore de tableaux de bord"],
  noDashboardsHint: ["Import Grafana's JSON here, or save it with Grafana's API.", "Importez ici le JSON de Grafana, ou enregistrez-le par l'API de Grafana."],
  importJson: ["Import JSON", "Importer du JSON"],
  exportJson: ["Export JSON", "Exporter en JSON"],
  panelMenu: ["Menu of the panel", "Menu du panneau"],
  viewPanel: ["View alone", "Voir seul"],
  viewAll: ["View all panels", "Voir tous les panneaux"],
  notDrawn: ["Panels of this kind are not drawn yet", "Les panneaux de ce type ne sont pas encore dessinés"],
  untransformed: ["Transformations that are not applied", "Transformations non appliquées"],
  rowsShown: ["rows are shown", "lignes affichées"],
} satisfies Record<string, [string, string]>;
