"""What Magento lays down: root, deployment configuration, maintenance mode."""
