// n8n-core reads this when it is first imported, and would print every failure a test provokes.
process.env.N8N_LOG_LEVEL = 'silent';
